#include "sql/import_reader.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/random.h"

namespace dashi::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string TempFile(const std::string& name) { return ::testing::TempDir() + "import_" + name; }

std::string WriteFile(const std::string& name, std::string_view bytes) {
  const std::string path = TempFile(name);
  std::filesystem::remove(path);  // some file systems sync a file that is cut and written again
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(stream.flush().good()) << path;
  return path;
}

std::string Gzip(std::string_view bytes) {
  constexpr int kGzipWindow = 16 + MAX_WBITS;
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

/// A row as text: `line: name=value ...`, or `! sqlstate message` for an error.
std::string Render(const ImportRecord& record) {
  std::string text = std::to_string(record.line) + ":";
  for (const ImportField& field : record.fields) {
    text += " " + field.name + "=";
    text += field.value.type() == ValueType::kText ? "'" + std::string(field.value.text()) + "'"
                                                   : field.value.ToString();
  }
  return text;
}

struct Reading {
  std::vector<std::string> rows;
  std::vector<std::string> bad_rows;
  Status end;  // ok at the end of the file
};

std::string Describe(const Status& status) {
  return std::string(status.sqlstate()) + " " + std::string(status.message());
}

Reading ReadAll(const std::string& path, const ImportFormat& format,
                const std::vector<std::string>& columns = {"a", "b"}) {
  Reading reading;
  Result<std::unique_ptr<ImportReader>> reader = ImportReader::Open(path, format, columns);
  if (!reader.ok()) {
    reading.end = reader.status();
    return reading;
  }
  ImportRecord record;
  while (true) {
    Result<bool> found = (*reader)->Next(&record);
    if (found.ok() && !*found) {
      EXPECT_EQ((*reader)->bytes_read(), (*reader)->bytes_total());
      return reading;
    }
    if (found.ok()) {
      reading.rows.push_back(Render(record));
    } else if (found.status().code() == StatusCode::kInvalidArgument) {
      EXPECT_THAT(std::string(found.status().message()),
                  HasSubstr(path + ", line " + std::to_string(record.line) + ": "));
      reading.bad_rows.push_back(Describe(found.status()));
    } else {
      reading.end = found.status();
      return reading;
    }
  }
}

ImportFormat Jsonl() { return ImportFormat{}; }
ImportFormat Csv(bool header = false) {
  ImportFormat format;
  format.format = "csv";
  format.header = header;
  return format;
}
ImportFormat Tsv() {
  ImportFormat format;
  format.format = "tsv";
  return format;
}

std::vector<std::string> Rows(std::string_view bytes, const ImportFormat& format,
                              const std::vector<std::string>& columns = {"a", "b"}) {
  const Reading reading = ReadAll(WriteFile("rows", bytes), format, columns);
  EXPECT_TRUE(reading.end.ok()) << reading.end.ToString();
  EXPECT_THAT(reading.bad_rows, ElementsAre());
  return reading.rows;
}

/// Reads a file of which exactly one row is bad; returns that row's error without the path.
std::string BadRow(std::string_view bytes, const ImportFormat& format) {
  const std::string path = WriteFile("bad", bytes);
  const Reading reading = ReadAll(path, format);
  EXPECT_TRUE(reading.end.ok()) << reading.end.ToString();
  EXPECT_EQ(reading.bad_rows.size(), 1U);
  if (reading.bad_rows.empty()) {
    return "";
  }
  std::string error = reading.bad_rows.front();
  error.erase(error.find("bad row: "), std::string("bad row: ").size() + path.size() + 2);
  return error;
}

TEST(ImportReaderTest, JsonValuesKeepTheirType) {
  EXPECT_THAT(
      Rows(R"({"id":"x","n":-3,"r":2.5,"t":true,"f":false,"z":null,"a":[1, {"b":"\n"}],"o":{}})"
           "\n",
           Jsonl()),
      ElementsAre(R"(1: id='x' n=-3 r=2.5 t=1 f=0 z=NULL a='[1,{"b":"\n"}]' o='{}')"));
}

TEST(ImportReaderTest, JsonLinesMayBeBlankEndInCrLfAndStartWithAByteOrderMark) {
  EXPECT_THAT(Rows("\xEF\xBB\xBF{\"a\":1}\r\n\r\n  \n{\"a\":2}", Jsonl()),
              ElementsAre("1: a=1", "4: a=2"));
  EXPECT_THAT(Rows("", Jsonl()), ElementsAre());
  EXPECT_THAT(Rows("\n\n", Jsonl()), ElementsAre());
}

TEST(ImportReaderTest, JsonEscapesAndUnicodeAreDecoded) {
  EXPECT_THAT(Rows(R"({"\u0061":"\u00e9 \ud83d\ude00 \"q\" \\ é"})", Jsonl()),
              ElementsAre("1: a='\u00e9 \U0001F600 \"q\" \\ é'"));
}

TEST(ImportReaderTest, BadJsonRowsNameLineAndReasonAndReadingGoesOn) {
  const std::string path = WriteFile("mixed", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n");
  const Reading reading = ReadAll(path, Jsonl());
  EXPECT_THAT(reading.rows, ElementsAre("1: a=1", "3: a=3"));
  EXPECT_THAT(reading.bad_rows,
              ElementsAre("22P02 bad row: " + path +
                          ", line 2: invalid JSON at byte 6: the line ends too early"));
}

TEST(ImportReaderTest, BadJsonIsTold) {
  EXPECT_EQ(BadRow("[1]\n", Jsonl()),
            "22P02 line 1: want one JSON object per line, got another JSON value");
  EXPECT_EQ(BadRow("{\"a\":1,\"a\":2}\n", Jsonl()), "22030 line 1: duplicate key: 'a'");
  EXPECT_EQ(BadRow("{\"a\":\"\\u0000\"}\n", Jsonl()),
            "22P05 line 1: text with a zero character: 'a'");
  EXPECT_EQ(BadRow("{\"a\":18446744073709551615}\n", Jsonl()),
            "22003 line 1: integer out of range: 'a' is 18446744073709551615");
  EXPECT_EQ(BadRow("{\"a\":\"\xFF\"}\n", Jsonl()), "22021 line 1: invalid UTF-8");
  EXPECT_THAT(BadRow("{\"a\":1} {\"a\":2}\n", Jsonl()), HasSubstr("22P02 line 1: invalid JSON"));
  EXPECT_THAT(BadRow("{\"a\":1e999}\n", Jsonl()), HasSubstr("22P02 line 1: invalid JSON"));
  EXPECT_THAT(BadRow("{'a':1}\n", Jsonl()), HasSubstr("22P02 line 1: invalid JSON at byte 2"));
  EXPECT_THAT(BadRow("{\"a\":\"\\ud800\"}\n", Jsonl()), HasSubstr("22P02 line 1: invalid JSON"));
}

TEST(ImportReaderTest, ADuplicateAmongManyKeysIsFound) {
  std::string line = "{";
  for (int i = 0; i < 100; ++i) {
    line += "\"k" + std::to_string(i) + "\":0,";
  }
  EXPECT_THAT(Rows(line + "\"k\":0}", Jsonl()).size(), 1U);
  EXPECT_EQ(BadRow(line + "\"k57\":0}", Jsonl()), "22030 line 1: duplicate key: 'k57'");
}

TEST(ImportReaderTest, DeeplyNestedJsonIsAnErrorAndNotACrash) {
  EXPECT_THAT(BadRow("{\"a\":" + std::string(1000000, '[') + "\n", Jsonl()),
              HasSubstr("22P02 line 1: invalid JSON"));
}

TEST(ImportReaderTest, CsvFollowsRfc4180) {
  EXPECT_THAT(Rows("1,two\r\n\"x\"\"y\",\"a,b\"\r\n\"l1\r\nl2\",\n,\"\"\n\n9,end", Csv()),
              ElementsAre("1: a='1' b='two'", "2: a='x\"y' b='a,b'", "3: a='l1\r\nl2' b=NULL",
                          "5: a=NULL b=''", "7: a='9' b='end'"));
  EXPECT_THAT(Rows("x\n\ny\n", Csv(), {"a"}), ElementsAre("1: a='x'", "2: a=NULL", "3: a='y'"));
}

TEST(ImportReaderTest, ACsvHeaderNamesTheColumns) {
  EXPECT_THAT(Rows("\xEF\xBB\xBFid,\"te\"\"xt\"\n1,x\n", Csv(/*header=*/true)),
              ElementsAre("2: id='1' te\"xt='x'"));
  EXPECT_THAT(Rows("id,text\n", Csv(/*header=*/true)), ElementsAre());
  EXPECT_THAT(Rows("", Csv(/*header=*/true)), ElementsAre());
  EXPECT_THAT(Describe(ReadAll(WriteFile("h", "id,,x\n"), Csv(true)).end),
              HasSubstr("line 1: the header has a column without a name"));
  EXPECT_THAT(Describe(ReadAll(WriteFile("h", "id,id\n"), Csv(true)).end),
              HasSubstr("line 1: the header has a column twice: 'id'"));
}

TEST(ImportReaderTest, AFileOfOtherColumnsIsToldHowToNameThem) {
  const std::string path = WriteFile("bad", "1\n");
  const auto reader = ImportReader::Open(path, Csv(), {"a", "b"}).value();
  ImportRecord record;
  EXPECT_EQ(reader->Next(&record).status().hint(),
            "COPY table (column, ...) FROM names the columns that a file has.");
}

TEST(ImportReaderTest, BadCsvRowsNameLineAndReason) {
  EXPECT_EQ(BadRow("1,2\n1\n3,4\n", Csv()), "22P04 line 2: too few fields: got 1, want 2 (a, b)");
  EXPECT_EQ(BadRow("1,2\n1,2,3\n", Csv()), "22P04 line 2: too many fields: got 3, want 2 (a, b)");
  EXPECT_EQ(BadRow("1,2\n1,\"2\n3,4\n", Csv()), "22P04 line 2: a quoted field does not end");
  EXPECT_EQ(BadRow("1,\"2\"x\n3,4\n", Csv()),
            "22P04 line 1: text between a closing quote and the next delimiter");
  EXPECT_EQ(BadRow("1,x\"2\"\n3,4\n", Csv()),
            "22P04 line 1: a quote within a field that does not begin with one");
  EXPECT_EQ(BadRow("1,\"a\nb\xC3\nc\"\n3,4\n", Csv()), "22021 line 1: invalid UTF-8");
  EXPECT_EQ(BadRow(std::string("1,a\0b\n3,4\n", 10), Csv()), "22021 line 1: a zero byte");
}

TEST(ImportReaderTest, ADelimiterCanBeChosen) {
  ImportFormat format = Csv();
  format.delimiter = ';';
  EXPECT_THAT(Rows("1,5;\"2;3\"\n", format), ElementsAre("1: a='1,5' b='2;3'"));
  format.delimiter = '"';
  EXPECT_EQ(Describe(ReadAll(WriteFile("d", "1\n"), format).end),
            "22023 this delimiter cannot be used for csv: byte 0x22");
  format = Tsv();
  format.delimiter = 'n';
  EXPECT_EQ(Describe(ReadAll(WriteFile("d", "1\n"), format).end),
            "22023 this delimiter cannot be used for tsv: byte 0x6e");
}

TEST(ImportReaderTest, TsvFollowsPostgresCopyText) {
  EXPECT_THAT(
      Rows("1\t\n\\N\tx\\ty\\\\z\n\\101\\x42c\\q\t\\\tt\r\nl\\\nm\tn\n\n\\.\nrubbish\n", Tsv()),
      ElementsAre("1: a='1' b=''", "2: a=NULL b='x\ty\\z'", "3: a='ABcq' b='\tt'",
                  "4: a='l\nm' b='n'"));
  ImportFormat format = Tsv();
  format.header = true;
  EXPECT_THAT(Rows("document\tlabel\nd\tl\n", format), ElementsAre("2: document='d' label='l'"));
}

TEST(ImportReaderTest, BadTsvRowsNameLineAndReason) {
  EXPECT_EQ(BadRow("1\t2\n1\n3\t4\n", Tsv()), "22P04 line 2: too few fields: got 1, want 2 (a, b)");
  EXPECT_EQ(BadRow("1\t\\xC3\n3\t4\n", Tsv()), "22021 line 1: invalid UTF-8");
  EXPECT_EQ(BadRow("1\t\\0\n", Tsv()), "22021 line 1: a zero byte");
  EXPECT_EQ(BadRow("1\tx\\", Tsv()), "22P04 line 1: a backslash at the end of the file");
}

TEST(ImportReaderTest, CompressionIsToldByTheFirstBytes) {
  std::string text;
  for (int i = 0; i < 100000; ++i) {
    text += "{\"id\":" + std::to_string(i) + "}\n";
  }
  const std::vector<std::string> plain = Rows(text, Jsonl());
  ASSERT_EQ(plain.size(), 100000U);
  EXPECT_EQ(Rows(Gzip(text), Jsonl()), plain);
  EXPECT_EQ(Rows(Zstd(text), Jsonl()), plain);
  const std::string half = text.substr(0, text.size() / 2);
  const std::string rest = text.substr(text.size() / 2);
  EXPECT_EQ(Rows(Gzip(half) + Gzip(rest) + std::string(512, '\0'), Jsonl()), plain);
  EXPECT_EQ(Rows(Zstd(half) + Zstd(rest), Jsonl()), plain);
  EXPECT_THAT(Rows(Gzip(""), Jsonl()), ElementsAre());
  EXPECT_THAT(Rows(Zstd(""), Jsonl()), ElementsAre());
}

TEST(ImportReaderTest, UnreadableFilesAreTold) {
  EXPECT_THAT(Describe(ReadAll(TempFile("none"), Jsonl()).end),
              HasSubstr("58P01 cannot open file"));
  EXPECT_EQ(ReadAll(TempFile("none"), Jsonl()).end.code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadAll(::testing::TempDir(), Jsonl()).end.code(), StatusCode::kIoError);
  EXPECT_THAT(Describe(ReadAll(WriteFile("xz", std::string("\xFD"
                                                           "7zXZ\0\0",
                                                           7)),
                               Jsonl())
                           .end),
              HasSubstr("0A000 files compressed with xz are not read"));
  ImportFormat format;
  format.format = "parquet";
  EXPECT_EQ(Describe(ReadAll(WriteFile("p", ""), format).end),
            "22023 unknown format: got 'parquet', want jsonl, csv, tsv or xc");
  EXPECT_THAT(Describe(ReadAll(WriteFile("c", "1\n"), Csv(), {}).end),
              HasSubstr("22023 csv needs column names or a header line"));
}

TEST(ImportReaderTest, ATruncatedCompressedFileIsAnErrorAtEveryLength) {
  const std::string text = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    for (std::size_t size = 4; size < whole.size(); ++size) {
      const Reading reading = ReadAll(WriteFile("cut", whole.substr(0, size)), Jsonl());
      EXPECT_EQ(reading.end.code(), StatusCode::kCorruption) << size;
      EXPECT_THAT(Describe(reading.end), HasSubstr("22P04 truncated")) << size;
    }
  }
}

TEST(ImportReaderTest, AFlippedBitInAGzipFileNeverChangesARowUnseen) {
  const std::string text = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
  const std::vector<std::string> rows = Rows(text, Jsonl());
  const std::string whole = Gzip(text);
  int num_accepted = 0;
  for (std::size_t bit = 8 * 10; bit < 8 * whole.size(); ++bit) {  // after the 10 bytes of header
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const Reading reading = ReadAll(WriteFile("flip", damaged), Jsonl());
    if (reading.end.ok()) {  // a bit that pads the last block to a byte
      EXPECT_EQ(reading.rows, rows) << bit;
      ++num_accepted;
    }
  }
  EXPECT_LT(num_accepted, 8);
}

TEST(ImportReaderTest, ARowAboveTheLimitEndsTheReadingAndNamesItsLine) {
  ImportFormat format = Jsonl();
  format.row_bytes_max = 1000;
  const std::string row = "{\"a\":\"" + std::string(1000 - 8, 'x') + "\"}";
  EXPECT_EQ(Rows(row + "\n" + row, format).size(), 2U);
  const Reading reading = ReadAll(WriteFile("long", "{\"a\":1}\n " + row + "\n"), format);
  EXPECT_THAT(reading.rows, ElementsAre("1: a=1"));
  EXPECT_EQ(reading.end.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(Describe(reading.end), HasSubstr("54000 row too long"));
  EXPECT_THAT(Describe(reading.end), HasSubstr("line 2"));
}

TEST(ImportReaderTest, AQuotedFieldWithoutEndStopsAtTheLimit) {
  ImportFormat format = Csv();
  format.row_bytes_max = 100000;
  std::string bytes = "1,2\n3,\"4\n";
  for (int i = 0; i < 100000; ++i) {
    bytes += "5,6\n";
  }
  const Reading reading = ReadAll(WriteFile("endless", bytes), format);
  EXPECT_THAT(reading.rows, ElementsAre("1: a='1' b='2'"));
  EXPECT_THAT(Describe(reading.end), HasSubstr("54000 row too long"));
  EXPECT_THAT(Describe(reading.end), HasSubstr("line 2"));
}

TEST(ImportReaderTest, RowsLongerThanTheReadBufferAreWhole) {
  const std::string text(std::size_t{3} << 20, 'x');
  const std::vector<std::string> rows =
      Rows("{\"a\":1}\n{\"a\":\"" + text + "\"}\n{\"a\":3}\n", Jsonl());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1], "2: a='" + text + "'");
}

/// A csv parser of another kind: one byte at a time over the whole text.
std::vector<std::vector<std::string>> NaiveCsv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      row.back().push_back('"');
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ',') {
      row.emplace_back();
    } else if (!quoted && text[i] == '\n') {
      rows.push_back(std::exchange(row, std::vector<std::string>(1)));
    } else {
      row.back().push_back(text[i]);
    }
  }
  return rows;
}

TEST(ImportReaderTest, CsvAgreesWithANaiveParserOnRandomTables) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  constexpr std::string_view kAlphabet = "ab,\"\n \t\\;";
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::size_t num_rows = random.Uniform(20);
    for (std::size_t i = 0; i < num_rows; ++i) {
      for (int column = 0; column < 3; ++column) {
        text += column == 0 ? "\"" : ",\"";
        for (std::size_t n = random.Uniform(6); n > 0; --n) {
          const char c = kAlphabet[random.Uniform(kAlphabet.size())];
          text += c == '"' ? "\"\"" : std::string(1, c);
        }
        text += '"';
      }
      text += '\n';
    }
    const std::vector<std::vector<std::string>> want = NaiveCsv(text);
    const std::string path = WriteFile("random.csv", text);
    Result<std::unique_ptr<ImportReader>> reader = ImportReader::Open(path, Csv(), {"a", "b", "c"});
    ASSERT_TRUE(reader.ok());
    ImportRecord record;
    for (const std::vector<std::string>& row : want) {
      Result<bool> found = (*reader)->Next(&record);
      ASSERT_TRUE(found.ok() && *found) << text;
      ASSERT_EQ(record.fields.size(), 3U);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(record.fields[i].value.text(), row[i]) << text;
      }
    }
    Result<bool> found = (*reader)->Next(&record);
    EXPECT_TRUE(found.ok() && !*found);
  }
}

std::string Mutate(std::string bytes, Random* random) {
  if (bytes.empty()) {
    return bytes;
  }
  if (random->Uniform(3) == 0) {
    bytes.resize(random->Uniform(bytes.size()));
  }
  for (std::uint64_t n = random->Uniform(4); n > 0 && !bytes.empty(); --n) {
    bytes[random->Uniform(bytes.size())] = static_cast<char>(random->Next());
  }
  return bytes;
}

TEST(ImportReaderTest, DamagedFilesEndInAnErrorOrInValidRows) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string json =
      "{\"id\":\"a\",\"text\":\"h\xC3\xA9 \\u00e9\",\"n\":[1,2.5e3,{\"k\":null}]}\n"
      "{\"uid\":\"b\",\"title\":\"t\",\"content\":\"c\",\"target_ind\":[0,1],\"target_rel\":[1,.5]}"
      "\n";
  const std::string csv = "a,b\n\"x\"\"\",\"l\nm\"\n1,2\r\n,\"\"\n";
  const std::string tsv = "a\tb\n\\N\t\\x41\\102\n1\\\t2\t3\n";
  const std::string matrix = "2 3\n0:1 2:0.5\n\n";
  ImportFormat xc_json;
  xc_json.format = "xc";
  xc_json.table = "relevance";
  xc_json.labels_path = WriteFile("labels.txt", "one\ntwo\n");
  ImportFormat xc_documents = xc_json;
  xc_documents.table = "documents";
  ImportFormat xc_matrix = xc_json;
  xc_matrix.labels_path.clear();
  const std::vector<std::pair<std::string, ImportFormat>> cases = {
      {json, Jsonl()}, {csv, Csv()},         {csv, Csv(true)},   {tsv, Tsv()},
      {json, xc_json}, {json, xc_documents}, {matrix, xc_matrix}};
  for (int round = 0; round < 2000; ++round) {
    const auto& [bytes, format] = cases[random.Uniform(cases.size())];
    std::string mutated = Mutate(bytes, &random);
    switch (random.Uniform(3)) {
      case 0:
        mutated = Mutate(Gzip(mutated), &random);
        break;
      case 1:
        mutated = Mutate(Zstd(mutated), &random);
        break;
      default:
        break;
    }
    const std::string name =
        format.format == "xc" ? (bytes == matrix ? "fuzz.txt" : "fuzz.json") : "fuzz";
    const Reading reading = ReadAll(WriteFile(name, mutated), format);
    EXPECT_LE(reading.rows.size(), 20U);
  }
}

}  // namespace
}  // namespace dashi::sql
