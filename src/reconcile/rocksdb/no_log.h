// Within rocksdb/: RocksDB without a log of its own.
#pragma once

#include <rocksdb/env.h>

#include <cstdarg>

namespace braid {

// Of no use to our users; and where the disk is full the library aborts the process when it cannot write it (7.8: an
// assertion in WritableFileWriter).
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace braid
