#include "cassandra/sstable/transaction_log.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/checksum.h"

namespace braid {
namespace {

enum class RecordType { kAdd, kRemove, kCommit, kAbort };

struct Record {
  RecordType type;
  std::string_view path;
  int64_t update_time_ms = 0;
  int64_t files = 0;
};

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<RecordType> ParseType(std::string_view word) {
  std::string upper;
  for (const char c : word) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (upper == "ADD") return RecordType::kAdd;
  if (upper == "REMOVE") return RecordType::kRemove;
  if (upper == "COMMIT") return RecordType::kCommit;
  if (upper == "ABORT") return RecordType::kAbort;
  return std::nullopt;
}

const char* TypeName(RecordType type) {
  switch (type) {
    case RecordType::kAdd:
      return "ADD";
    case RecordType::kRemove:
      return "REMOVE";
    case RecordType::kCommit:
      return "COMMIT";
    case RecordType::kAbort:
      return "ABORT";
  }
  return "";
}

// The update time is fed low word first.
int64_t ChecksumOf(const Record& record) {
  uint32_t crc = Crc32(0, record.path);
  crc = Crc32(crc, TypeName(record.type));
  crc = Crc32OfInt(crc, static_cast<uint32_t>(record.update_time_ms));
  crc = Crc32OfInt(crc, static_cast<uint32_t>(static_cast<uint64_t>(record.update_time_ms) >> 32));
  return Crc32OfInt(crc, static_cast<uint32_t>(record.files));
}

// TYPE:[path,update time,files][checksum]
std::optional<Record> ParseRecord(std::string_view line) {
  const size_t colon = line.find(":[");
  const size_t close = line.rfind("][");
  if (colon == std::string_view::npos || close == std::string_view::npos || close < colon || line.back() != ']') {
    return std::nullopt;
  }
  const std::optional<RecordType> type = ParseType(line.substr(0, colon));
  const std::string_view fields = line.substr(colon + 2, close - colon - 2);
  const std::optional<int64_t> checksum = ParseNumber(line.substr(close + 2, line.size() - close - 3));
  const size_t first = fields.find(',');
  if (!type || !checksum || first == std::string_view::npos) return std::nullopt;
  const size_t second = fields.find(',', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> update_time = ParseNumber(fields.substr(first + 1, second - first - 1));
  const std::optional<int64_t> files = ParseNumber(fields.substr(second + 1));
  if (!update_time || !files) return std::nullopt;

  Record record{.type = *type, .path = fields.substr(0, first), .update_time_ms = *update_time, .files = *files};
  // Cassandra counts the time of removals only, and files of additions and removals only.
  if (record.type != RecordType::kRemove) record.update_time_ms = 0;
  if (record.type == RecordType::kCommit || record.type == RecordType::kAbort) {
    record.files = 0;
    record.path = {};
  }
  if (ChecksumOf(record) != *checksum) return std::nullopt;
  return record;
}

// "nb-12-big" of "…/nb-12-big-": what is written is a prefix of file names, with the dash that ends it.
std::string_view BaseOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path = path.substr(slash + 1);
  if (path.ends_with('-')) path.remove_suffix(1);
  return path;
}

}  // namespace

bool IsTransactionLogName(std::string_view name) {
  // From 5.0 on the format's name goes before the version if it is not "big": `bti-da_txn_…`.
  const size_t txn = name.find("_txn_");
  if (txn == std::string_view::npos || !name.ends_with(".log")) return false;
  const std::string_view version = name.substr(0, txn);
  const size_t dash = version.find('-');
  const std::string_view format = dash == std::string_view::npos ? std::string_view() : version.substr(0, dash);
  return version.size() == (dash == std::string_view::npos ? 2 : dash + 3) &&
         std::all_of(format.begin(), format.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

Result<TransactionLog> ParseTransactionLog(ByteView text) {
  TransactionLog log;
  int number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    const bool last = end + 1 >= text.size();
    start = end + 1;
    ++number;
    const std::optional<Record> record = ParseRecord(line);
    if (!record.has_value()) {
      if (last) break;
      return Corrupt("line " + std::to_string(number) + " of the transaction log is damaged");
    }
    // Only the last line finishes a transaction.
    log.committed = record->type == RecordType::kCommit;
    log.aborted = record->type == RecordType::kAbort;
    const LoggedSstable sstable{.base = std::string(BaseOf(record->path)), .files = record->files};
    if (record->type == RecordType::kAdd) log.added.push_back(sstable);
    if (record->type == RecordType::kRemove) log.removed.push_back(sstable);
  }
  return log;
}

}  // namespace braid
