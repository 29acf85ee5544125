#include "transport/direct/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace braid {
namespace {

Message Numbered(uint64_t n, size_t bytes = 0) {
  Message message;
  message.position.offset = n;
  message.bytes.assign(bytes, 'x');
  return message;
}

TEST(ChannelTest, GivesWhatWasPushedInOrder) {
  Channel channel(1 << 20);
  for (uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(channel.Push(Numbered(n)));
  std::vector<Message> taken;
  ASSERT_TRUE(channel.TakeAll(&taken, 0));
  ASSERT_EQ(taken.size(), 3u);
  for (uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(taken[n - 1].position.offset, n);
  EXPECT_EQ(channel.held_bytes(), 0u);
}

TEST(ChannelTest, TellsItsRoom) {
  Channel channel(1000);
  EXPECT_EQ(channel.room_bytes(), 1000u);
  ASSERT_TRUE(channel.Push(Numbered(1, 400)));
  EXPECT_LT(channel.room_bytes(), 600u);
  ASSERT_TRUE(channel.Push(Numbered(2, 4000)));
  EXPECT_EQ(channel.room_bytes(), 0u);
  std::vector<Message> taken;
  ASSERT_TRUE(channel.TakeAll(&taken, 0));
  EXPECT_EQ(channel.room_bytes(), 1000u);
}

TEST(ChannelTest, WaitsNoLongerThanItIsTold) {
  Channel channel(1000);
  std::vector<Message> taken{Numbered(1)};
  EXPECT_TRUE(channel.TakeAll(&taken, 1000));
  EXPECT_TRUE(taken.empty());
}

TEST(ChannelTest, ClosedGivesTheRestAndThenFalse) {
  Channel channel(1000);
  ASSERT_TRUE(channel.Push(Numbered(1)));
  channel.Close();
  EXPECT_FALSE(channel.Push(Numbered(2)));
  std::vector<Message> taken;
  EXPECT_TRUE(channel.TakeAll(&taken, 1'000'000));
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_FALSE(channel.TakeAll(&taken, 1'000'000));
}

TEST(ChannelTest, OneThreadPushesAnotherTakes) {
  constexpr uint64_t kMessages = 20'000;
  Channel channel(1 << 16);
  std::thread pusher([&] {
    for (uint64_t n = 1; n <= kMessages; ++n) {
      while (channel.room_bytes() == 0) std::this_thread::yield();
      ASSERT_TRUE(channel.Push(Numbered(n)));
    }
    channel.Close();
  });
  uint64_t next = 1;
  std::vector<Message> taken;
  while (channel.TakeAll(&taken, 1'000'000)) {
    for (const Message& message : taken) ASSERT_EQ(message.position.offset, next++);
  }
  pusher.join();
  EXPECT_EQ(next, kMessages + 1);
}

}  // namespace
}  // namespace braid
