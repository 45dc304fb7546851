// A program that holds other versions of libraries that dashi uses, under the same names. Here they
// end the process: dashi must call its own.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "dashi/database.h"

extern "C" {

int sqlite3_open_v2(const char* /*name*/, void** /*connection*/, int /*flags*/,
                    const char* /*vfs*/) {
  std::abort();
}
int sqlite3_step(void* /*statement*/) { std::abort(); }
int sqlite3_initialize() { std::abort(); }

}  // extern "C"

namespace spdlog {

class logger;
logger* default_logger_raw() { std::abort(); }

}  // namespace spdlog

// Names of dashi's own that are not in its headers.
namespace dashi {

enum class LogLevel { kDebug };
void Log(LogLevel /*level*/, std::string_view /*message*/) { std::abort(); }

}  // namespace dashi

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  auto database = dashi::Database::Open(argv[1]);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  dashi::Status status = session.status();
  if (status.ok()) {
    auto subscription = (*database)->SubscribeToReleases([](const dashi::ReleaseEvent&) {});
    status = subscription.status();
  }
  if (status.ok()) {
    status = (*session)->ExecuteScript("INSERT INTO labels (id, text) VALUES ('a', 'b'); SELECT 1",
                                       [](dashi::ResultSet& rows) {
                                         dashi::Row row;
                                         return rows.Next(&row).status();
                                       });
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  std::puts("own versions: well");
  return 0;
}
