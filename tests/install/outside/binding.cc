// The beginning of a binding: C functions over the embedded API.
#include <cstdio>
#include <memory>
#include <string>

#include "dashi/database.h"

extern "C" {

/// Answers a query's first value as text; what went wrong, as SQLSTATE, where it fails.
int dashi_binding_ask(const char* directory, const char* sql, char* answer, unsigned long size) {
  auto database = dashi::Database::Open(directory);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  auto rows = session.ok() ? (*session)->Execute(sql) : session.status();
  dashi::Row row;
  const dashi::Result<bool> more = rows.ok() ? rows->Next(&row) : rows.status();
  const std::string text = !more.ok() ? std::string(more.status().sqlstate())
                           : *more    ? row[0].ToString()
                                      : "";
  std::snprintf(answer, size, "%s", text.c_str());
  return more.ok() ? 0 : 1;
}

}  // extern "C"
