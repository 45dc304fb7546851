#include "trainer/model_files.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/file.h"

namespace dashi::trainer {

bool IsRegularFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

Result<std::string> ReadModelFile(const std::string& path) {
  auto opened = File::OpenForReading(path);
  if (opened.status().code() == StatusCode::kNotFound) {
    return Status(opened.status()).WithSqlState("58P01");
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, std::move(opened));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  return CatchAsStatus("read " + path, [&]() -> Result<std::string> {
    std::string bytes(size, '\0');
    DASHI_RETURN_IF_ERROR(file->ReadAt(0, &bytes));
    return bytes;
  });
}

}  // namespace dashi::trainer
