#include "sql/shell/markup_writer.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sql/shell/display_width.h"

namespace dashi {

namespace {

bool IsNumeric(ValueType type) { return type == ValueType::kInteger || type == ValueType::kReal; }

std::string MarkdownText(std::string_view text) {
  const std::string printable = PrintableText(text);
  std::string out;
  out.reserve(printable.size());
  for (const char byte : printable) {
    if (byte == '\n') {
      out += "<br>";
      continue;
    }
    if (std::string_view("\\|`*_[]<&").find(byte) != std::string_view::npos) {
      out += '\\';
    }
    out += byte;
  }
  return out;
}

std::string HtmlText(std::string_view text) {
  const std::string printable = PrintableText(text);
  std::string out;
  out.reserve(printable.size());
  for (const char byte : printable) {
    switch (byte) {
      case '\n':
        out += "<br>";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += byte;
    }
  }
  return out;
}

class MarkdownWriter final : public ResultWriter {
 public:
  explicit MarkdownWriter(ByteSink& sink) : sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::string names = "|";
    std::string rule = "|";
    for (const Column& column : columns) {
      names += ' ';
      names += MarkdownText(column.name) + " |";
      rule += IsNumeric(column.type) ? "---:|" : "---|";
    }
    return sink_.Write(names + "\n" + rule + "\n");
  }

  Status Write(const Row& row) override {
    std::string line = "|";
    for (const Value& value : row) {
      line += ' ';
      line += (value.is_null() ? "*NULL*" : MarkdownText(value.ToString())) + " |";
    }
    return sink_.Write(line + "\n");
  }

  // A blank line ends a table.
  Status End() override { return sink_.Write("\n"); }
  Status Abandon() override { return sink_.Write("\n"); }

 private:
  ByteSink& sink_;
};

class HtmlWriter final : public ResultWriter {
 public:
  explicit HtmlWriter(ByteSink& sink) : sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::string head = "<table>\n<thead>\n<tr>";
    for (const Column& column : columns) {
      head += "<th>" + HtmlText(column.name) + "</th>";
    }
    return sink_.Write(head + "</tr>\n</thead>\n<tbody>\n");
  }

  Status Write(const Row& row) override {
    std::string line = "<tr>";
    for (const Value& value : row) {
      line += IsNumeric(value.type()) ? R"(<td style="text-align: right">)" : "<td>";
      line += (value.is_null() ? "<em>NULL</em>" : HtmlText(value.ToString())) + "</td>";
    }
    return sink_.Write(line + "</tr>\n");
  }

  Status End() override { return sink_.Write("</tbody>\n</table>\n"); }
  Status Abandon() override { return Status(); }

 private:
  ByteSink& sink_;
};

}  // namespace

std::unique_ptr<ResultWriter> MakeMarkdownWriter(ByteSink& sink) {
  return std::make_unique<MarkdownWriter>(sink);
}

std::unique_ptr<ResultWriter> MakeHtmlWriter(ByteSink& sink) {
  return std::make_unique<HtmlWriter>(sink);
}

}  // namespace dashi
