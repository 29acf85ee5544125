#include "cassandra/sstable/descriptor.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace braid {
namespace {

constexpr std::array<std::pair<std::string_view, SstableVersion>, 4> kVersions = {{
    {"na", SstableVersion::kNa},
    {"nb", SstableVersion::kNb},
    {"oa", SstableVersion::kOa},
    {"da", SstableVersion::kDa},
}};

std::vector<std::string_view> SplitAtDashes(std::string_view name) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find('-', start), name.size());
    parts.push_back(name.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool IsLowerLetter(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool LooksLikeVersion(std::string_view text) {
  return text.size() == 2 && IsLowerLetter(text[0]) && IsLowerLetter(text[1]);
}

bool LooksLikeGeneration(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsDigit(c) || IsLowerLetter(c) || c == '_'; });
}

// Before Cassandra 3.0 a name began with the keyspace and the table: `ks-titles-ka-12-Data.db`.
bool LooksLikeLegacyName(const std::vector<std::string_view>& parts) {
  return parts.size() >= 4 && LooksLikeVersion(parts[parts.size() - 3]) && parts.back().ends_with(".db");
}

Error UnsupportedVersion(const std::string& directory, std::string_view name, std::string_view version) {
  const std::string what = directory + "/" + std::string(name) + ": SSTable version " + std::string(version);
  // Versions rise with the letter within each format: below n are those of Cassandra 3 and before, 'd' is BTI's first.
  if (version[0] < 'n' && version[0] != 'd') {
    return Unsupported(what + " was written by Cassandra 3.x or older; run `nodetool upgradesstables -a` on the node");
  }
  return Unsupported(what + " is newer than the versions that this program reads (na, nb, oa, da)");
}

}  // namespace

std::string_view VersionName(SstableVersion version) {
  for (const auto& [name, known] : kVersions) {
    if (known == version) return name;
  }
  return "?";
}

std::string Descriptor::Base() const {
  return std::string(VersionName(version)) + "-" + generation + (format == SstableFormat::kBig ? "-big" : "-bti");
}

std::string Descriptor::ComponentPath(std::string_view component) const {
  std::string path = directory.empty() ? "" : directory + "/";
  return path + Base() + "-" + std::string(component);
}

Result<std::optional<ComponentName>> ParseComponentName(const std::string& directory, std::string_view name) {
  const std::vector<std::string_view> parts = SplitAtDashes(name);
  const bool modern = parts.size() >= 4 && LooksLikeVersion(parts[0]) && LooksLikeGeneration(parts[1]) &&
                      (parts[2] == "big" || parts[2] == "bti");
  if (!modern) {
    if (LooksLikeLegacyName(parts)) return UnsupportedVersion(directory, name, parts[parts.size() - 3]);
    return std::optional<ComponentName>();
  }
  const auto* known =
      std::find_if(kVersions.begin(), kVersions.end(), [&](const auto& entry) { return entry.first == parts[0]; });
  const bool big = parts[2] == "big";
  if (known == kVersions.end() || (known->second == SstableVersion::kDa) == big) {
    return UnsupportedVersion(directory, name, parts[0]);
  }
  ComponentName result;
  result.descriptor.directory = directory;
  result.descriptor.version = known->second;
  result.descriptor.generation = parts[1];
  result.descriptor.format = big ? SstableFormat::kBig : SstableFormat::kBti;
  // A component may have dashes of its own: `SI_x-y.db`.
  result.component = name.substr(static_cast<size_t>(parts[3].data() - name.data()));
  return std::optional<ComponentName>(std::move(result));
}

Result<ComponentName> ParseComponentPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  ASSIGN_OR_RETURN(std::optional<ComponentName> parsed, ParseComponentName(directory, name));
  if (!parsed.has_value()) {
    return InvalidArgument(path + " is not the file of an SSTable, whose names are like nb-12-big-Data.db");
  }
  return *std::move(parsed);
}

}  // namespace braid
