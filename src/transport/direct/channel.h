// The channel from capture to one shard within a process: first in, first out, bounded in bytes.
//
// Any thread may push, one takes; order is kept. A push never waits: whoever pushes asks room_bytes() first and reads
// no more of its source than fits, so that it stays free to guard the source while the channel is full.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "transport/message/message.h"

namespace braid {

class Channel {
 public:
  explicit Channel(uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Adds the message, also beyond the capacity. False if the channel is closed.
  bool Push(Message message);
  // Bytes that may be pushed now.
  uint64_t room_bytes() const;
  uint64_t held_bytes() const;

  // Takes everything that is there, in order, into `to` (whose old content goes). Waits up to `timeout_us` if nothing
  // is. False once the channel is closed and empty.
  bool TakeAll(std::vector<Message>* to, int64_t timeout_us);

  // Nothing can be pushed any more; what is there can still be taken.
  void Close();

 private:
  const uint64_t capacity_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Message> messages_;
  uint64_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace braid
