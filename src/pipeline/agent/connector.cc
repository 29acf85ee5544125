#include "pipeline/agent/connector.h"

#include <chrono>
#include <utility>

#include "capture/history.h"
#include "capture/kafka/kafka_schema_journal.h"
#include "pipeline/kafka/clients.h"
#include "transport/kafka/admin.h"

namespace braid {
namespace {

constexpr int kTopicsTimeoutMs = 5000;
constexpr std::chrono::milliseconds kPause(300);

// Says of each table whether everything that the node ever wrote to it will be sent.
Status TellHistory(FileSystem* files, const NodeFiles& node, SchemaRegistry* schemas) {
  for (const TableSchema* table : schemas->CapturedTables()) {
    ASSIGN_OR_RETURN(const bool whole, WholeHistoryIsLogged(files, node, *table));
    if (whole) TRY(schemas->MarkHistoryLogged(table->table_id));
  }
  return {};
}

}  // namespace

Connector::~Connector() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Connector::Start() {
  thread_ = std::thread([this] { Run(); });
}

std::optional<Result<Connector::Registries>> Connector::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

std::string Connector::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Connector::Run() {
  while (!stop_) {
    Result<Registries> result = Connect();
    std::unique_lock lock(mutex_);
    if (result.has_value() || result.error().code != ErrorCode::kTransient) {
      result_ = std::move(result);
      return;
    }
    problem_ = result.error().message;
    wake_.wait_for(lock, kPause, [this] { return stop_.load(); });
  }
}

// One for each node: what a definition rests on is said by the node whose files say it.
Result<std::unique_ptr<SchemaRegistry>> Connector::OpenRegistry(const Node& node) {
  ASSIGN_OR_RETURN(auto journal, OpenKafkaSchemaJournal({.properties = ClientProperties(*config_),
                                                         .topic = config_->kafka->schemas_topic,
                                                         .log = log_}));
  SchemaRegistry::Options options;
  options.data_directories = node.files.data;
  options.log = log_;
  options.node = SchemaWitness{node.host, static_cast<uint32_t>(config_->nodes.size())};
  return SchemaRegistry::Open(PosixFileSystem(), std::move(journal), options);
}

Result<Connector::Registries> Connector::Connect() {
  ASSIGN_OR_RETURN(const auto admin, KafkaAdmin::Open({.properties = ClientProperties(*config_), .log = log_}));
  TRY(MakePipelineTopics(*config_, admin.get(), kTopicsTimeoutMs));
  Registries registries;
  for (const Node& node : nodes_) {
    ASSIGN_OR_RETURN(auto registry, OpenRegistry(node));
    // What was found just now is not news.
    TRY(registry->Refresh());
    if (node.is_new) TRY(TellHistory(PosixFileSystem(), node.files, registry.get()));
    TRY(registry->MarkIntroduced());
    registries.push_back(std::move(registry));
  }
  return registries;
}

}  // namespace braid
