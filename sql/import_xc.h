#pragma once

#include <memory>
#include <string>

#include "dashi/status.h"
#include "sql/import_reader.h"

namespace dashi::sql {

/// Opens the reader of FORMAT xc: the files of the Extreme Classification Repository. What a file
/// holds follows from the table it is read for and from its name without `.gz` or `.zst`:
///
///   table      name            one row per    fields
///   documents  *.json *.jsonl  line           id = `uid`, text, split (when given)
///   documents  *.txt           line           id = `document_prefix` and the line's number,
///                                             text = the line, split (when given)
///   labels     *.json *.jsonl  line           id = `uid`, text
///   labels     *.txt           line           id = the line's number, text = the line
///   relevance  *.json *.jsonl  `target_ind`   document = `uid`, label, weight = `target_rel` or 1
///   relevance  *.txt           `label:value`  document, label, weight = value; sparse matrix with
///                                             the header `rows columns`
///
/// Line numbers count from 0. The text of a JSON row is `title`, a space and `content`, or the
/// title alone with `titles_only` or without content.
///
/// In relevance a label is a number, i.e. a line of the labels' file. `labels_path` names that
/// file, and a label's id is then what `labels` got from it: its `uid`, or for *.txt the number.
/// Without `labels_path` JSON relevance takes `lbl.json`, `lbl.json.gz` or `lbl.json.zst` beside
/// the file and fails where there is none; a matrix takes the numbers. In the same way
/// `documents_path` names the documents of a matrix; without it a document's id is
/// `document_prefix` and the row's number.
///
/// Errors:  as ImportReader; Next gives kCorruption (22P04) for a matrix with fewer or more rows
///          than its header says.
/// Cost:    relevance holds the ids of `labels_path` and `documents_path` in memory: their bytes
///          and 8 more each.
Result<std::unique_ptr<ImportReader>> OpenXcReader(const std::string& path,
                                                   const ImportFormat& format);

}  // namespace dashi::sql
