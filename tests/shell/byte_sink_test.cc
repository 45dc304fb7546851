#include "sql/shell/byte_sink.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(FileSinkTest, WritesEverythingInOrder) {
  const std::string path = ::testing::TempDir() + "byte_sink_test_" + std::to_string(::getpid());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  std::string expected;
  FileSink sink(fd, path);
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    expected += line;
    ASSERT_TRUE(sink.Write(line).ok());
  }
  ASSERT_TRUE(sink.Flush().ok());
  ::close(fd);
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  EXPECT_EQ(content.str(), expected);
  ::unlink(path.c_str());
}

TEST(FileSinkTest, TellsAFullDisk) {
  const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  FileSink sink(fd, "results");
  EXPECT_TRUE(sink.Write("x").ok());
  const Status status = sink.Flush();
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_NE(status.message().find("results: No space left"), std::string::npos);
  EXPECT_TRUE(sink.Flush().ok()) << "what could not be written is not tried again";
  ::close(fd);
}

TEST(FileSinkTest, TellsAReaderThatHasGone) {
  std::signal(SIGPIPE, SIG_IGN);
  int fds[2] = {-1, -1};
  ASSERT_EQ(::pipe(fds), 0);
  ::close(fds[0]);
  FileSink sink(fds[1], "pipe");
  EXPECT_TRUE(sink.Write("x").ok());
  const Status status = sink.Flush();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.sqlstate(), "08006");
  ::close(fds[1]);
}

}  // namespace
}  // namespace dashi
