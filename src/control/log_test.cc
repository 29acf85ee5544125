#include "control/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>
#include <vector>

namespace braid {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> Make(Log::Fields fields = {}) {
    Log::Options options;
    options.fields = std::move(fields);
    options.to = &text_;
    options.now = [this] { return now_us_; };
    return Log::Make(std::move(options));
  }

  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    std::istringstream in(text_.str());
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  std::ostringstream text_;
  int64_t now_us_ = 1'763'710'851'123'456;
};

TEST_F(LogTest, ALineHasTimeLevelMessageAndFields) {
  const auto log = Make({{"pipeline", "movies"}});
  log->Write(Log::Level::kInfo, "it streams", {{"node", "n1"}, {"cause", "a = b"}});
  EXPECT_EQ(text_.str(),
            "time=2025-11-21T07:40:51.123Z level=info msg=\"it streams\" pipeline=movies node=n1 cause=\"a = b\"\n");
}

TEST(LogDefaultTest, ItGoesToStderr) {
  ::testing::internal::CaptureStderr();
  Log::Make({})->Write(Log::Level::kInfo, "it streams");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, StartsWith("time=2"));
  EXPECT_THAT(text, EndsWith("level=info msg=\"it streams\"\n"));
}

TEST_F(LogTest, AnAlarmIsAWarning) {
  const auto log = Make();
  const auto callback = log->Callback({{"node", "n1"}});
  callback(true, "full");
  callback(false, "empty");
  EXPECT_THAT(Lines()[0], EndsWith("level=warning msg=full node=n1"));
  EXPECT_THAT(Lines()[1], EndsWith("level=info msg=empty node=n1"));
}

TEST_F(LogTest, NoTextBreaksTheLine) {
  const auto log = Make();
  log->Write(Log::Level::kError, "a\nb\"c\\d\x1b[2J{} %v é", {{"empty", ""}});
  EXPECT_THAT(Lines().at(0), EndsWith("level=error msg=\"a\\nb\\\"c\\\\d\\x1b[2J{} %v é\" empty=\"\""));
  log->Write(Log::Level::kInfo, std::string(100'000, 'x'));
  EXPECT_LT(Lines().at(1).size(), 5000u);
}

TEST_F(LogTest, WhatComesAgainAndAgainIsCounted) {
  {
    const auto log = Make();
    for (int i = 0; i < 25; ++i) log->Write(Log::Level::kInfo, "segment " + std::to_string(1000 * i) + " removed");
    log->Write(Log::Level::kInfo, "something else");
    ASSERT_EQ(Lines().size(), 11u);
    EXPECT_THAT(Lines()[10], HasSubstr("something else"));
    now_us_ += 60'000'000;
    log->Write(Log::Level::kInfo, "segment 7 removed");
    ASSERT_EQ(Lines().size(), 12u);
    EXPECT_THAT(Lines()[11], EndsWith("msg=\"segment 7 removed\" suppressed=15"));
    for (int i = 0; i < 12; ++i) log->Write(Log::Level::kInfo, "segment " + std::to_string(i) + " removed");
    EXPECT_EQ(Lines().size(), 21u);
  }
  // Its end tells what was left out.
  ASSERT_EQ(Lines().size(), 22u);
  EXPECT_THAT(Lines()[21], EndsWith("msg=\"segment 11 removed\" suppressed=3"));
}

TEST_F(LogTest, AWarningIsNotSuppressedByNewsOfTheSameWords) {
  const auto log = Make();
  for (int i = 0; i < 25; ++i) log->Write(Log::Level::kInfo, "lag");
  log->Write(Log::Level::kWarning, "lag");
  EXPECT_THAT(Lines().back(), HasSubstr("level=warning"));
}

TEST_F(LogTest, AClockThatIsSetBackSilencesNothing) {
  const auto log = Make();
  for (int i = 0; i < 11; ++i) log->Write(Log::Level::kInfo, "lag");
  now_us_ -= int64_t{3600} * 1'000'000;
  log->Write(Log::Level::kInfo, "lag");
  EXPECT_EQ(Lines().size(), 11u);
}

TEST_F(LogTest, WhatItRemembersIsBounded) {
  const auto log = Make();
  for (int i = 0; i < 3000; ++i) {
    now_us_ += 1;
    std::string word = std::to_string(i);
    for (char& c : word) c = static_cast<char>('a' + (c - '0'));
    log->Write(Log::Level::kInfo, word);
  }
  EXPECT_EQ(Lines().size(), 3000u);
}

TEST_F(LogTest, ThreadsDoNotMixTheirLines) {
  const auto log = Make();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 10; ++i) log->Write(Log::Level::kInfo, std::string(200, static_cast<char>('a' + t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(Lines().size(), 40u);
  for (const std::string& line : Lines()) {
    EXPECT_THAT(line, StartsWith("time="));
    const std::string word = line.substr(line.find("msg=") + 4);
    EXPECT_EQ(word, std::string(200, word[0]));
  }
}

}  // namespace
}  // namespace braid
