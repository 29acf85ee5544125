// Within pipelines: how fast files are read that others need, too.
#pragma once

#include <cstdint>
#include <functional>

namespace braid {

// For one thread.
class Pace {
 public:
  // `rate_bytes` a second from now on; 0: as fast as it goes.
  explicit Pace(uint64_t rate_bytes);

  // Waits until so many bytes since the beginning are not too many. False: `ends`, which is asked at least once and
  // then often, said that nobody waits for them any more.
  bool Await(uint64_t read_bytes, const std::function<bool()>& ends) const;

 private:
  const uint64_t rate_bytes_;
  const int64_t started_us_;
};

}  // namespace braid
