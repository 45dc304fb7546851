#include "sql/schedule/schedules.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/status.h"

namespace dashi::sql {

namespace {

using Json = nlohmann::json;

// docs/FORMATS.md has both.
constexpr std::string_view kSetting = "schedules";
constexpr std::string_view kHistoryPrefix = "schedule.history.";

constexpr std::string_view kCatchUps[] = {"once", "none"};
constexpr std::string_view kOutcomes[] = {"running", "succeeded", "failed", "skipped",
                                          "interrupted"};

std::string HistorySetting(std::string_view schedule) {
  return std::string(kHistoryPrefix) + std::string(schedule);
}

// Throws for what is none, as the JSON library does.
template <typename Enum, std::size_t kCount>
Enum Named(const std::string_view (&names)[kCount], const std::string& name) {
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) {
    Json(name).get<int>();
  }
  return static_cast<Enum>(found - std::begin(names));
}

Json ToJson(const Schedule& schedule) {
  return {{"name", schedule.name},
          {"owner", schedule.owner},
          {"cron", schedule.cron},
          {"time_zone", schedule.time_zone},
          {"condition", schedule.condition},
          {"statements", schedule.statements},
          {"catch_up", CatchUpName(schedule.catch_up)},
          {"jitter", schedule.jitter_micros},
          {"retries", schedule.num_retries},
          {"retry_wait", schedule.retry_wait_micros},
          {"paused", schedule.paused},
          {"created_at", schedule.created_at_micros}};
}

Schedule ScheduleOf(const Json& json) {
  Schedule schedule;
  json.at("name").get_to(schedule.name);
  json.at("owner").get_to(schedule.owner);
  json.at("cron").get_to(schedule.cron);
  json.at("time_zone").get_to(schedule.time_zone);
  json.at("condition").get_to(schedule.condition);
  json.at("statements").get_to(schedule.statements);
  schedule.catch_up = Named<CatchUp>(kCatchUps, json.at("catch_up").get<std::string>());
  json.at("jitter").get_to(schedule.jitter_micros);
  json.at("retries").get_to(schedule.num_retries);
  json.at("retry_wait").get_to(schedule.retry_wait_micros);
  json.at("paused").get_to(schedule.paused);
  json.at("created_at").get_to(schedule.created_at_micros);
  return schedule;
}

Json ToJson(const ScheduleRun& run) {
  return {{"number", run.number},
          {"cause", run.cause},
          {"due_at", run.due_at_micros},
          {"started_at", run.started_at_micros},
          {"finished_at", run.finished_at_micros},
          {"outcome", RunOutcomeName(run.outcome)},
          {"tags", run.tags},
          {"retries", run.num_retries},
          {"reason", run.reason},
          {"sqlstate", run.sqlstate}};
}

ScheduleRun RunOf(const Json& json) {
  ScheduleRun run;
  json.at("number").get_to(run.number);
  json.at("cause").get_to(run.cause);
  json.at("due_at").get_to(run.due_at_micros);
  json.at("started_at").get_to(run.started_at_micros);
  json.at("finished_at").get_to(run.finished_at_micros);
  run.outcome = Named<RunOutcome>(kOutcomes, json.at("outcome").get<std::string>());
  json.at("tags").get_to(run.tags);
  json.at("retries").get_to(run.num_retries);
  json.at("reason").get_to(run.reason);
  json.at("sqlstate").get_to(run.sqlstate);
  return run;
}

// Error messages may hold bytes that are no UTF-8.
std::string TextOf(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string_view CatchUpName(CatchUp catch_up) {
  return kCatchUps[static_cast<std::size_t>(catch_up)];
}

std::optional<CatchUp> CatchUpNamed(std::string_view name) {
  const auto* found = std::find(std::begin(kCatchUps), std::end(kCatchUps), name);
  return found == std::end(kCatchUps)
             ? std::nullopt
             : std::optional(static_cast<CatchUp>(found - std::begin(kCatchUps)));
}

std::string_view RunOutcomeName(RunOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

ScheduleRun& ScheduleHistory::Add(ScheduleRun run) {
  run.number = next_number++;
  if (runs.size() >= kRunsKept) {
    runs.erase(runs.begin(), runs.end() - static_cast<std::ptrdiff_t>(kRunsKept - 1));
  }
  runs.push_back(std::move(run));
  return runs.back();
}

ScheduleRun* ScheduleHistory::Find(std::uint64_t number) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const ScheduleRun& run) { return run.number == number; });
  return found == runs.end() ? nullptr : &*found;
}

Result<std::vector<Schedule>> ReadSchedules(const storage::View& view) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::string> text, view.GetSetting(kSetting));
  std::vector<Schedule> schedules;
  if (!text) {
    return schedules;
  }
  const Status read = CatchAsStatus("schedules", [&] {
    for (const Json& each : Json::parse(*text)) {
      schedules.push_back(ScheduleOf(each));
    }
    return Status();
  });
  return read.ok() ? Result<std::vector<Schedule>>(std::move(schedules))
                   : Status::Corruption("the list of schedules cannot be read");
}

Status WriteSchedules(std::vector<Schedule> schedules, storage::Transaction* transaction) {
  std::sort(schedules.begin(), schedules.end(),
            [](const Schedule& a, const Schedule& b) { return a.name < b.name; });
  Json json = Json::array();
  for (const Schedule& schedule : schedules) {
    json.push_back(ToJson(schedule));
  }
  return transaction->PutSetting(kSetting, TextOf(json));
}

Schedule* FindSchedule(std::vector<Schedule>& schedules, std::string_view name) {
  const auto found = std::find_if(schedules.begin(), schedules.end(),
                                  [&](const Schedule& one) { return one.name == name; });
  return found == schedules.end() ? nullptr : &*found;
}

Result<ScheduleHistory> ReadHistory(const storage::View& view, std::string_view schedule) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                         view.GetSetting(HistorySetting(schedule)));
  ScheduleHistory history;
  if (!text || text->empty()) {
    return history;
  }
  const Status read = CatchAsStatus("history of a schedule", [&] {
    const Json json = Json::parse(*text);
    json.at("handled_until").get_to(history.handled_until_micros);
    json.at("next_number").get_to(history.next_number);
    for (const Json& each : json.at("runs")) {
      history.runs.push_back(RunOf(each));
    }
    return Status();
  });
  return read.ok() ? Result<ScheduleHistory>(std::move(history))
                   : Status::Corruption("the history of the schedule " + std::string(schedule) +
                                        " cannot be read");
}

Status WriteHistory(std::string_view schedule, const ScheduleHistory& history,
                    storage::Transaction* transaction) {
  Json json = {{"handled_until", history.handled_until_micros},
               {"next_number", history.next_number},
               {"runs", Json::array()}};
  for (const ScheduleRun& run : history.runs) {
    json["runs"].push_back(ToJson(run));
  }
  return transaction->PutSetting(HistorySetting(schedule), TextOf(json));
}

Status RemoveHistory(std::string_view schedule, storage::Transaction* transaction) {
  return transaction->PutSetting(HistorySetting(schedule), "");
}

}  // namespace dashi::sql
