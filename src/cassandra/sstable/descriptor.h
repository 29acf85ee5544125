// The names of an SSTable's files: `nb-12-big-Data.db` is the Data component of version nb, generation 12, format big.
// Learned from org.apache.cassandra.io.sstable.{Descriptor,SSTableId} and format.{Version,big.BigFormat,bti.BtiFormat}.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

// Which of two ways an SSTable is indexed. Data.db is the same in both.
enum class SstableFormat { kBig, kBti };

// The versions that Braid reads. What differs between them is asked by the questions below, not by the name.
enum class SstableVersion { kNa, kNb, kOa, kDa };

// "nb".
std::string_view VersionName(SstableVersion version);

// True where deletions of partitions are written in the form of Cassandra 5.0 and seconds of deletion are unsigned.
inline bool HasUnsignedDeletionTimes(SstableVersion version) {
  return version == SstableVersion::kOa || version == SstableVersion::kDa;
}

// One SSTable: the part of its file names that all its components share, and the directory in which they are.
struct Descriptor {
  std::string directory;
  SstableVersion version = SstableVersion::kNb;
  std::string
      generation;  // a number, or a time-based id of [0-9a-z_] (Cassandra 4.1's uuid_sstable_identifiers_enabled)
  SstableFormat format = SstableFormat::kBig;

  // "nb-12-big".
  std::string Base() const;
  // The path of one component, e.g. of "Data.db".
  std::string ComponentPath(std::string_view component) const;
  auto operator<=>(const Descriptor&) const = default;
};

struct ComponentName {
  Descriptor descriptor;
  std::string component;  // "Data.db"
};

// Takes the file name `name` apart; nothing if it is not the name of an SSTable's component (a manifest, a transaction
// log, a temporary file). kUnsupported if it is one of a version that Braid does not read: the message names the cure.
Result<std::optional<ComponentName>> ParseComponentName(const std::string& directory, std::string_view name);

// The same of a whole path, which must name a component. Errors: kInvalidArgument, kUnsupported.
Result<ComponentName> ParseComponentPath(const std::string& path);

}  // namespace braid
