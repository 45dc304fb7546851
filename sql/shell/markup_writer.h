#pragma once

#include <memory>

#include "sql/shell/result_writer.h"

namespace dashi {

/// Makes a writer of GitHub's Markdown tables. What Markdown would read as markup is escaped, a
/// line break is <br>, NULL is *NULL*.
std::unique_ptr<ResultWriter> MakeMarkdownWriter(ByteSink& sink);

/// Makes a writer of an HTML table with a head. Text is escaped, a line break is the tag br, NULL
/// is in italics. The table of a result that failed midway is not closed.
std::unique_ptr<ResultWriter> MakeHtmlWriter(ByteSink& sink);

}  // namespace dashi
