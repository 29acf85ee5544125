#include <utility>

#include "capture/schema_journal.h"
#include "capture/schema_log.h"

namespace braid {
namespace {

class FileJournal : public SchemaJournal {
 public:
  FileJournal(std::unique_ptr<SchemaLog> log, std::vector<SchemaRecord> records)
      : log_(std::move(log)), unread_(std::move(records)) {}

  bool shared() const override { return false; }
  Result<std::vector<SchemaRecord>> ReadNew() override { return std::exchange(unread_, {}); }
  Result<std::vector<SchemaRecord>> ReadArrived() override { return ReadNew(); }
  Status Append(const std::vector<SchemaRecord>& records) override {
    TRY(log_->Append(records));
    unread_.insert(unread_.end(), records.begin(), records.end());
    return {};
  }

 private:
  std::unique_ptr<SchemaLog> log_;
  std::vector<SchemaRecord> unread_;
};

}  // namespace

Result<std::unique_ptr<SchemaJournal>> OpenFileSchemaJournal(FileSystem* files, const std::string& path) {
  ASSIGN_OR_RETURN(auto opened, SchemaLog::Open(files, path));
  return std::unique_ptr<SchemaJournal>(
      std::make_unique<FileJournal>(std::move(opened.first), std::move(opened.second)));
}

}  // namespace braid
