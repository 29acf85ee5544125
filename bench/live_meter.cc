// Reads what `braid read --follow` prints and notes when each line came: to FILE, for each event, "COUNT SEGMENT
// POSITION US", that is after.count (where braid_live_feeder puts the time of the write), source.segment,
// source.position, and the microsecond at which the line was here. Ends after LINES events.
//
//   braid read … | braid_live_meter FILE LINES
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Seen {
  int64_t count = 0;
  int64_t segment = 0;
  int64_t position = 0;
  int64_t us = 0;
};

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

// The number behind the last `name` of the line; 0 if there is none.
int64_t NumberAfter(std::string_view line, std::string_view name) {
  const size_t at = line.rfind(name);
  int64_t value = 0;
  if (at != std::string_view::npos) std::from_chars(line.data() + at + name.size(), line.data() + line.size(), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s FILE LINES\n", argv[0]);
    return 2;
  }
  const size_t wanted = std::strtoull(argv[2], nullptr, 10);
  std::vector<Seen> all;
  all.reserve(wanted);
  std::string rest;
  std::vector<char> buffer(1 << 20);
  while (all.size() < wanted) {
    const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size <= 0) break;
    const int64_t now_us = NowUs();
    rest.append(buffer.data(), static_cast<size_t>(size));
    size_t from = 0;
    for (size_t end = 0; (end = rest.find('\n', from)) != std::string::npos; from = end + 1) {
      const std::string_view line(rest.data() + from, end - from);
      if (line.find("\"op\":") == std::string_view::npos) continue;
      all.push_back({NumberAfter(line, "\"count\":"), NumberAfter(line, "\"segment\":"),
                     NumberAfter(line, "\"position\":"), now_us});
    }
    rest.erase(0, from);
  }
  std::FILE* file = std::fopen(argv[1], "w");
  if (file == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  for (const Seen& seen : all) {
    std::fprintf(file, "%lld %lld %lld %lld\n", static_cast<long long>(seen.count),
                 static_cast<long long>(seen.segment), static_cast<long long>(seen.position),
                 static_cast<long long>(seen.us));
  }
  return std::fclose(file) == 0 && all.size() >= wanted ? 0 : 1;
}
