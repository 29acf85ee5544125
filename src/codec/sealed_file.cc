#include "codec/sealed_file.h"

#include <fmt/format.h>

#include "base/checksum.h"
#include "base/cursor.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr size_t kChecksumBytes = 8;
constexpr uint64_t kMostBytes = uint64_t{16} << 20;

Result<std::string> Unseal(ByteView bytes, const SealedForm& form) {
  Cursor head(bytes);
  TRY(ReadMagic(&head, form.magic, form.version, form.what));
  if (head.remaining() < kChecksumBytes) return Corrupt(fmt::format("{}: it ends too early", form.what));
  const ByteView body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Hash64(body) != LoadBigEndian<uint64_t>(bytes.data() + body.size())) {
    return Corrupt(fmt::format("{}: its bytes do not fit their checksum", form.what));
  }
  return std::string(body.substr(head.offset()));
}

}  // namespace

Result<std::string> ReadSealed(FileSystem* files, const std::string& path, const SealedForm& form) {
  ASSIGN_OR_RETURN(const auto source, files->OpenForRead(path));
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(*source, kMostBytes));
  auto content = Unseal(bytes, form);
  if (!content.has_value()) return content.error().At(path);
  return content;
}

Status WriteSealed(FileSystem* files, const std::string& path, const SealedForm& form, ByteView content) {
  std::string bytes(form.magic);
  bytes.push_back(static_cast<char>(form.version));
  bytes.append(content);
  AppendBigEndian<uint64_t>(&bytes, Hash64(bytes));
  return files->ReplaceFile(path, bytes);
}

}  // namespace braid
