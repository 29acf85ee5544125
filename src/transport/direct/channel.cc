#include "transport/direct/channel.h"

#include <chrono>
#include <utility>

namespace braid {

bool Channel::Push(Message message) {
  const size_t size = message.size_bytes();
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    bytes_ += size;
    was_empty = messages_.empty();
    messages_.push_back(std::move(message));
  }
  if (was_empty) changed_.notify_one();
  return true;
}

uint64_t Channel::room_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_ >= capacity_bytes_ ? 0 : capacity_bytes_ - bytes_;
}

uint64_t Channel::held_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool Channel::TakeAll(std::vector<Message>* to, int64_t timeout_us) {
  to->clear();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(timeout_us), [&] { return closed_ || !messages_.empty(); });
  to->swap(messages_);
  bytes_ = 0;
  return !closed_ || !to->empty();
}

void Channel::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
}

}  // namespace braid
