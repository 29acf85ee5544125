// A process that is killed at each of the writer's failpoints, and the one that follows it.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/testing/run_again.h"
#include "timeline/testing/records.h"

namespace braid {
namespace {

constexpr uint64_t kEnd = 60;

TimelineWriter::Options OptionsIn(const std::string& directory) {
  return {.directory = directory + "/timeline", .segment_bytes = 2000};
}

// What the host's state remembers is a file of its own here.
std::string MarkIn(const std::string& directory) {
  return directory + "/mark";
}
uint64_t CommittedEnd(const std::string& directory) {
  const auto mark = ReadFile(MarkIn(directory), 100);
  return mark.has_value() ? std::stoull(*mark) : 1;
}

Status Live(const std::string& directory) {
  FileSystem* files = PosixFileSystem();
  Records records(3);
  ASSIGN_OR_RETURN(const auto writer, TimelineWriter::Open(files, OptionsIn(directory), CommittedEnd(directory)));
  while (writer->end() < kEnd) {
    AppendUntil(std::min(kEnd, writer->end() + 3), &records, writer.get());
    TRY(writer->Sync(1));
    TRY(files->ReplaceFile(MarkIn(directory), std::to_string(writer->end())));
    TRY(writer->Publish());
    TRY(writer->Retain(0, 5000, writer->end()));
  }
  return {};
}

TEST(TimelineKillTest, DISABLED_Live) {
  const Status status = Live(std::getenv("BRAID_TIMELINE_TEST"));
  ASSERT_TRUE(status.has_value()) << status.error().message;
}

TEST(TimelineKillTest, LosesNothing) {
  for (const std::string name : {"roll.begin", "roll.header", "roll.synced", "roll.end", "sync.appended", "sync.end",
                                 "publish.begin", "publish.end", "retain.told", "retain.removed"}) {
    for (const std::string nth : {"1", "2"}) {
      SCOPED_TRACE(name + ":" + nth);
      char path[] = "/tmp/braid_timeline_XXXXXX";
      const std::string directory = mkdtemp(path);
      const auto live = [&](const std::string& failpoint) {
        return RunThisProgramAgain("TimelineKillTest.DISABLED_Live",
                                   {{"BRAID_TIMELINE_TEST", directory}, {"BRAID_FAILPOINT", failpoint}});
      };
      EXPECT_EQ(live("timeline." + name + ":" + nth), 128 + SIGKILL);
      EXPECT_EQ(live(""), 0);
      Records records(3);
      const auto reader = *TimelineReader::Open(PosixFileSystem(), {.directory = OptionsIn(directory).directory});
      const auto bounds = *reader->Refresh();
      EXPECT_EQ(bounds.committed, kEnd);
      EXPECT_TRUE(ExpectRecords(reader.get(), bounds.first, kEnd, &records));
      std::filesystem::remove_all(directory);
    }
  }
}

}  // namespace
}  // namespace braid
