// dashi inside a program: open a database, write, ask. Nothing here throws.
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "dashi/database.h"

using dashi::Status;
using dashi::Value;

Status Write(dashi::Session& session) {
  auto insert_document = session.Prepare("INSERT INTO documents (id, text) VALUES ($1, $2)");
  if (!insert_document.ok()) {
    return insert_document.status();
  }
  const Value documents[][2] = {{Value::Text("d1"), Value::Text("wireless earbuds for running")},
                                {Value::Text("d2"), Value::Text("headphones for long flights")}};
  for (const auto& document : documents) {  // parsed once, run with many values
    if (Status status = insert_document->Execute(document).status(); !status.ok()) {
      return status;
    }
  }
  return session.ExecuteScript(
      "INSERT INTO labels (id, text) VALUES ('L1', 'sport earphones'), ('L2', 'noise cancelling');"
      "INSERT INTO relevance (document, label) VALUES ('d1', 'L1'), ('d2', 'L2');",
      [](dashi::ResultSet&) { return Status(); });
}

Status Ask(dashi::Session& session) {
  auto rows = session.Execute(
      "SELECT d.text, l.text FROM relevance r JOIN documents d ON d.id = r.document "
      "JOIN labels l ON l.id = r.label ORDER BY d.id");
  if (!rows.ok()) {
    return rows.status();
  }
  dashi::Row row;
  auto more = rows->Next(&row);
  for (; more.ok() && *more; more = rows->Next(&row)) {  // rows come as they are pulled
    std::printf("%s -> %s\n", row[0].ToString().c_str(), row[1].ToString().c_str());
  }
  return more.status();
}

Status Run(const std::string& directory) {
  auto database = dashi::Database::Open(directory);
  auto session = database.ok() ? (*database)->NewSession() : database.status();
  Status status = session.ok() ? Write(**session) : session.status();
  return status.ok() ? Ask(**session) : status;
}

int main(int argc, char** argv) {
  const auto directory = std::filesystem::temp_directory_path() / "dashi_embedded_example";
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  const Status status = Run(argc > 1 ? argv[1] : directory.string());
  std::fputs(status.ok() ? "" : (status.ToString() + "\n").c_str(), stderr);
  return status.ok() ? 0 : 1;
}
