#include "sql/import_xc.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dashi::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class XcReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / "xc" /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string Write(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }

  /// Returns one string per row: its values, or the error.
  static std::vector<std::string> Read(const std::string& path, const ImportFormat& format) {
    std::vector<std::string> rows;
    Result<std::unique_ptr<ImportReader>> reader = ImportReader::Open(path, format, {});
    if (!reader.ok()) {
      return {"! " + std::string(reader.status().sqlstate()) + " " +
              std::string(reader.status().message())};
    }
    ImportRecord record;
    while (true) {
      Result<bool> found = (*reader)->Next(&record);
      if (found.ok() && !*found) {
        return rows;
      }
      std::string row;
      if (!found.ok()) {
        if (found.status().code() == StatusCode::kInvalidArgument) {
          EXPECT_THAT(std::string(found.status().message()),
                      HasSubstr(path + ", line " + std::to_string(record.line) + ": "));
        }
        row = "! " + std::string(found.status().sqlstate()) + " " +
              std::string(found.status().message());
      } else {
        row = std::to_string(record.line) + ":";
        for (const ImportField& field : record.fields) {
          row += " " + field.name + "=" + field.value.ToString();
        }
      }
      rows.push_back(row);
      if (!found.ok() && found.status().code() != StatusCode::kInvalidArgument) {
        return rows;
      }
    }
  }

  static ImportFormat Xc(const std::string& table) {
    ImportFormat format;
    format.format = "xc";
    format.table = table;
    return format;
  }

  std::filesystem::path folder_;
};

constexpr std::string_view kTrain =
    "{\"uid\":\"d1\",\"title\":\"red shoe\",\"content\":\"for running\","
    "\"target_ind\":[1,0],\"target_rel\":[1.0,0.5]}\n"
    "{\"uid\":\"d2\",\"title\":\"hat\",\"content\":\"\",\"target_ind\":[]}\n"
    "{\"uid\":\"d3\",\"title\":\"sock\",\"target_ind\":[1]}\n";
constexpr std::string_view kLabels =
    "{\"uid\":\"l1\",\"title\":\"laces\"}\n"
    "{\"uid\":\"l2\",\"title\":\"soles\",\"content\":\"rubber\"}\n";

TEST_F(XcReaderTest, JsonDocumentsHaveTitleAndContentAndSplit) {
  ImportFormat format = Xc("documents");
  format.split = "train";
  const std::string path = Write("trn.json", kTrain);
  EXPECT_THAT(Read(path, format),
              ElementsAre("1: id=d1 text=red shoe for running split=train",
                          "2: id=d2 text=hat split=train", "3: id=d3 text=sock split=train"));
  format.titles_only = true;
  format.split.clear();
  EXPECT_THAT(Read(path, format),
              ElementsAre("1: id=d1 text=red shoe", "2: id=d2 text=hat", "3: id=d3 text=sock"));
}

TEST_F(XcReaderTest, JsonLabelsHaveNoSplit) {
  ImportFormat format = Xc("labels");
  format.split = "train";
  EXPECT_THAT(Read(Write("lbl.json", kLabels), format),
              ElementsAre("1: id=l1 text=laces", "2: id=l2 text=soles rubber"));
}

TEST_F(XcReaderTest, JsonRelevanceMapsNumbersToTheUidsOfTheLabelsFile) {
  const std::string path = Write("trn.json", kTrain);
  EXPECT_THAT(Read(path, Xc("relevance")),
              ElementsAre(HasSubstr("! 22023 the labels' file is unknown")));
  Write("lbl.json", kLabels);
  const std::vector<std::string> rows = Read(path, Xc("relevance"));
  EXPECT_THAT(rows,
              ElementsAre("1: document=d1 label=l2 weight=1", "1: document=d1 label=l1 weight=0.5",
                          "3: document=d3 label=l2 weight=1"));
  ImportFormat format = Xc("relevance");
  format.labels_path = Write("lbl.raw.txt", "laces\nsoles rubber\n");
  EXPECT_THAT(Read(path, format),
              ElementsAre("1: document=d1 label=1 weight=1", "1: document=d1 label=0 weight=0.5",
                          "3: document=d3 label=1 weight=1"));
}

TEST_F(XcReaderTest, BadJsonRowsNameLineAndReason) {
  Write("lbl.json", kLabels);
  const std::vector<std::string> rows =
      Read(Write("trn.json",
                 "{\"uid\":\"a\",\"target_ind\":[2]}\n{\"uid\":\"b\"}\n{\"target_ind\":[0]}\n"
                 "{\"uid\":\"c\",\"target_ind\":[-1]}\n"
                 "{\"uid\":\"d\",\"target_ind\":[0],\"target_rel\":[1,2]}\n"
                 "{\"uid\":\"e\",\"target_ind\":[0],\"target_rel\":[\"x\"]}\n"
                 "{\"uid\":7,\"target_ind\":[0]}\n"),
           Xc("relevance"));
  EXPECT_THAT(
      rows,
      ElementsAre(HasSubstr("22P04"), HasSubstr("line 2: the object has no array 'target_ind'"),
                  HasSubstr("line 3: the object has no 'uid'"),
                  HasSubstr("line 4: 'target_ind' has a value that is no label number"),
                  HasSubstr("line 5: 'target_rel' is no array as long as 'target_ind'"),
                  HasSubstr("line 6: 'target_rel' has a value that is no number"),
                  "7: document=7 label=l1 weight=1"));
  EXPECT_THAT(rows[0], HasSubstr("line 1: label number out of range: got 2, want < 2"));
  EXPECT_THAT(
      Read(Write("tst.json", "{\"uid\":\"a\"}\n{\"uid\":1.5,\"title\":\"x\"}\n"), Xc("documents")),
      ElementsAre(HasSubstr("line 1: the object has no 'title'"),
                  HasSubstr("line 2: 'uid' is neither a string nor an integer")));
}

TEST_F(XcReaderTest, RawTextRowsAreNumberedFromZero) {
  ImportFormat format = Xc("documents");
  format.document_prefix = "tst-";
  format.split = "test";
  const std::string path = Write("tst.raw.txt", "one\r\n\nthree");
  EXPECT_THAT(Read(path, format),
              ElementsAre("1: id=tst-0 text=one split=test", "2: id=tst-1 text= split=test",
                          "3: id=tst-2 text=three split=test"));
  EXPECT_THAT(Read(path, Xc("labels")),
              ElementsAre("1: id=0 text=one", "2: id=1 text=", "3: id=2 text=three"));
}

TEST_F(XcReaderTest, AMatrixGivesOneRowPerEntry) {
  ImportFormat format = Xc("relevance");
  format.document_prefix = "trn-";
  const std::string path = Write("trn_X_Y.txt", "3 2\n1:1.0 0:0.5\n\n1:1\n");
  EXPECT_THAT(Read(path, format), ElementsAre("2: document=trn-0 label=1 weight=1",
                                              "2: document=trn-0 label=0 weight=0.5",
                                              "4: document=trn-2 label=1 weight=1"));
  format.labels_path = Write("lbl.json", kLabels);
  format.documents_path = Write("trn.json", kTrain);
  EXPECT_THAT(Read(path, format),
              ElementsAre("2: document=d1 label=l2 weight=1", "2: document=d1 label=l1 weight=0.5",
                          "4: document=d3 label=l2 weight=1"));
}

TEST_F(XcReaderTest, ABadMatrixIsTold) {
  const ImportFormat format = Xc("relevance");
  EXPECT_THAT(Read(Write("a.txt", "1 2 3\n"), format),
              ElementsAre(HasSubstr("want the header of a sparse matrix")));
  EXPECT_THAT(Read(Write("a.txt", ""), format),
              ElementsAre(HasSubstr("want the header of a sparse matrix")));
  EXPECT_THAT(Read(Write("a.txt", "2 2\n0:1\n"), format),
              ElementsAre("2: document=0 label=0 weight=1",
                          HasSubstr("! 22P04 a matrix with too few rows")));
  EXPECT_THAT(Read(Write("a.txt", "1 2\n0:1\n1:1\n"), format),
              ElementsAre("2: document=0 label=0 weight=1",
                          HasSubstr("! 22P04 a matrix with too many rows")));
  EXPECT_THAT(
      Read(Write("a.txt", "5 2\n2:1\n0:x\n0\n0:1,1:1\n0:nan\n"), format),
      ElementsAre(HasSubstr("line 2: label number out of range: got 2, want < 2"),
                  HasSubstr("line 3: entry 1 is not label:value"), HasSubstr("line 4: entry 1"),
                  HasSubstr("line 5: entry 1"), HasSubstr("line 6: entry 1")));
  ImportFormat with_labels = format;
  with_labels.labels_path = Write("lbl.json", kLabels);
  EXPECT_THAT(Read(Write("a.txt", "1 3\n0:1\n"), with_labels),
              ElementsAre(HasSubstr("the matrix has 3 columns, but")));
  with_labels.labels_path = Write("lbl.json", "{\"uid\":\"a\"}\n{\"id\":\"b\"}\n");
  EXPECT_THAT(Read(Write("a.txt", "1 2\n0:1\n"), with_labels),
              ElementsAre(AllOf(HasSubstr("! 22P04"), HasSubstr("line 2"))));
}

TEST_F(XcReaderTest, OtherNamesAndTablesAreRefused) {
  EXPECT_THAT(Read(Write("trn.csv", ""), Xc("documents")),
              ElementsAre(HasSubstr("! 22023 an xc file's name ends in .json or .txt")));
  EXPECT_THAT(Read(Write("trn.json", ""), Xc("anchors")),
              ElementsAre(HasSubstr("! 22023 xc files fill documents, labels and relevance")));
}

}  // namespace
}  // namespace dashi::sql
