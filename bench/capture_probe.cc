// What capturing one node costs by itself: reads the log of a node's directory with a sink that keeps nothing, and
// prints what it took as JSON. Memory is the process's anonymous memory, looked at after each step.
//
//   braid_capture_probe HOME
//
// It removes nothing from the log, and leaves a file HOME/schemas.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "capture/node_capture.h"

namespace braid {
namespace {

class NullSink : public CaptureSink {
 public:
  Status OnTransaction(const Transaction& transaction) override {
    mutations += transaction.mutations.size();
    return {};
  }
  Status OnTruncation(const Truncation&) override { return {}; }
  Status OnGap(const Gap&) override { return {}; }
  Status OnProgress(const CaptureProgress&) override { return {}; }

  uint64_t mutations = 0;
};

uint64_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kibibytes = 0;
    if (word == "RssAnon:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

int64_t CpuUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1'000'000} + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

Status Probe(const std::string& home) {
  FileSystem* const files = PosixFileSystem();
  SchemaRegistry::Options registry;
  registry.path = home + "/schemas";
  registry.data_directories = {home + "/data"};
  ASSIGN_OR_RETURN(const std::unique_ptr<SchemaRegistry> schemas, SchemaRegistry::Open(files, registry));
  NodeCapture::Options options;
  options.files = {"n1", home + "/cdc_raw", home + "/commitlog", {home + "/data"}};
  ASSIGN_OR_RETURN(const std::unique_ptr<NodeCapture> capture, NodeCapture::Open(files, schemas.get(), options));
  const uint64_t before = AnonymousBytes();
  const int64_t start_us = CpuUs();
  NullSink sink;
  uint64_t most = 0;
  // Between files a step may have nothing to give.
  for (int idle = 0; idle < 10;) {
    ASSIGN_OR_RETURN(const bool more, capture->Step(NowUs(), 1 << 20, &sink));
    most = std::max(most, AnonymousBytes());
    idle = more ? 0 : idle + 1;
  }
  std::printf(
      "{\"mutations\":%llu,\"cpu_us\":%lld,\"read_bytes\":%llu,\"anonymous_bytes\":%llu,\"anonymous_before\":%llu}\n",
      static_cast<unsigned long long>(sink.mutations), static_cast<long long>(CpuUs() - start_us),
      static_cast<unsigned long long>(capture->stats().bytes_read), static_cast<unsigned long long>(most),
      static_cast<unsigned long long>(before));
  return {};
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s HOME\n", argv[0]);
    return 2;
  }
  const braid::Status status = braid::Probe(argv[1]);
  if (status.has_value()) return 0;
  std::fprintf(stderr, "braid_capture_probe: %s\n", status.error().message.c_str());
  return 1;
}
