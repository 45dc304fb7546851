#include "bench/accuracy/text_lines.h"

#include <memory>

#include <zlib.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr int kLineBytes = 1 << 20;

}  // namespace

Status ForEachLine(const std::string& path,
                   const std::function<Status(std::string_view)>& on_line) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (file == nullptr) {
    return Status::IoError("cannot open " + path);
  }
  std::string buffer(kLineBytes, '\0');
  while (gzgets(file.get(), buffer.data(), kLineBytes) != nullptr) {
    std::string_view line(buffer.c_str());
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
      line.remove_suffix(1);
    }
    DASHI_RETURN_IF_ERROR(on_line(line));
  }
  return Status();
}

std::vector<std::string> TabFields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\t') {
      fields.emplace_back();
      continue;
    }
    i += line.substr(i).starts_with("\\\\") ? 1 : 0;
    fields.back() += line[i];
  }
  return fields;
}

}  // namespace dashi::trainer
