#include "transport/kafka/admin.h"

#include <fmt/format.h>

#include <algorithm>

#include "transport/kafka/assignment.h"
#include "transport/kafka/client.h"

namespace braid {

namespace {

using kafka::Place;
using Event = std::unique_ptr<rd_kafka_event_t, kafka::Destroyer<rd_kafka_event_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, kafka::Destroyer<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, kafka::Destroyer<rd_kafka_NewTopic_destroy>>;
using DeleteTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, kafka::Destroyer<rd_kafka_DeleteTopic_destroy>>;
using TopicNames = std::unique_ptr<rd_kafka_TopicCollection_t, kafka::Destroyer<rd_kafka_TopicCollection_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, kafka::Destroyer<rd_kafka_ConfigResource_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, kafka::Destroyer<rd_kafka_metadata_destroy>>;
using Groups = std::unique_ptr<const struct rd_kafka_group_list, kafka::Destroyer<rd_kafka_group_list_destroy>>;

// Brokers hear of a topic that was just made one after another: one that says that there is none is asked again.
constexpr int kLookAgainMs = 100;
// librdkafka answers at its timeout; a little later means never.
constexpr int kGraceMs = 1'000;
// An answer that takes longer may never come from the broker that was asked.
constexpr int kPatienceMs = 500;

std::string Words(const char* words) {
  return words == nullptr ? "" : words;
}

}  // namespace

struct KafkaAdmin::Impl : kafka::Client {
  explicit Impl(Options options) : Client(std::move(options.properties), std::move(options.log)) {}
  ~Impl() override {
    queue.reset();
    Stop(0);
  }

  AdminOptions OptionsOf(rd_kafka_admin_op_t op, int timeout_ms) const;
  Result<Event> Wait(const char* what, int timeout_ms);
  void RefreshMetadata();
  Status Existing(const KafkaTopic& topic, int timeout_ms, KafkaAdmin* admin);
  Result<std::vector<KafkaOffset>> LogEndsNow(const std::vector<KafkaPartition>& partitions, int timeout_ms);

  kafka::Queue queue;
};

// An admin client of librdkafka (2.12.1) goes by what it once heard. If the broker that was the controller is gone, it
// connects to it over and over, without a pause, until the request times out; partitions whose leader has changed it
// asks of the old one, or with the old epoch, for ever. So it is told to ask. (Of all topics: if it asks of those that
// it knows alone, it lets brokers create them.)
void KafkaAdmin::Impl::RefreshMetadata() {
  const rd_kafka_metadata_t* raw = nullptr;
  (void)rd_kafka_metadata(rk(), /*all_topics=*/1, nullptr, &raw, kPatienceMs);
  const Metadata metadata(raw);
}

AdminOptions KafkaAdmin::Impl::OptionsOf(rd_kafka_admin_op_t op, int timeout_ms) const {
  AdminOptions options(rd_kafka_AdminOptions_new(rk(), op));
  char words[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(timeout_ms, 1), words, sizeof(words));
  return options;
}

// The answer to the one request that is under way.
Result<Event> KafkaAdmin::Impl::Wait(const char* what, int timeout_ms) {
  Event event;
  for (int left_ms = timeout_ms + kGraceMs; event == nullptr && left_ms > 0; left_ms -= kPatienceMs) {
    event.reset(rd_kafka_queue_poll(queue.get(), std::min(left_ms, kPatienceMs)));
    if (event == nullptr) RefreshMetadata();
  }
  rd_kafka_poll(rk(), 0);  // for what librdkafka says besides
  TellLog();
  const rd_kafka_resp_err_t err = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event.get());
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ForgetLastError();
    return event;
  }
  if (err == RD_KAFKA_RESP_ERR__TIMED_OUT && !last_error().empty()) {
    return Error{ErrorCode::kTransient, fmt::format("{} ({})", last_error(), what)};
  }
  return Failure(what, err, event == nullptr ? "" : Words(rd_kafka_event_error_string(event.get())));
}

KafkaAdmin::KafkaAdmin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaAdmin::~KafkaAdmin() = default;

Result<std::unique_ptr<KafkaAdmin>> KafkaAdmin::Open(Options options) {
  ASSIGN_OR_RETURN(kafka::Conf conf, kafka::MakeConf(options.properties, {}, {}));
  auto impl = std::make_unique<Impl>(std::move(options));
  TRY(impl->Start(RD_KAFKA_PRODUCER, std::move(conf)));
  impl->queue.reset(rd_kafka_queue_new(impl->rk()));
  return std::unique_ptr<KafkaAdmin>(new KafkaAdmin(std::move(impl)));
}

Status KafkaAdmin::CheckReachable(int timeout_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_metadata(impl_->rk(), 0, nullptr, &metadata, timeout_ms);
  rd_kafka_poll(impl_->rk(), 0);
  impl_->TellLog();
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
    impl_->ForgetLastError();
    return {};
  }
  if (!impl_->last_error().empty()) return Error{ErrorCode::kTransient, impl_->last_error()};
  return Error{ErrorCode::kTransient, impl_->Text("no broker answers", err)};
}

Status KafkaAdmin::CreateTopics(const std::vector<KafkaTopic>& topics, int timeout_ms) {
  if (topics.empty()) return {};
  std::vector<NewTopic> owned;
  std::vector<rd_kafka_NewTopic_t*> wanted;
  for (const KafkaTopic& topic : topics) {
    char words[256] = "";
    NewTopic& made = owned.emplace_back(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, words, sizeof(words)));
    if (made == nullptr) {
      return impl_->Failure("a topic cannot be made", RD_KAFKA_RESP_ERR__INVALID_ARG, words, Place{topic.name, -1});
    }
    for (const auto& [name, value] : topic.configs) {
      rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
    }
    wanted.push_back(made.get());
  }
  const AdminOptions options = impl_->OptionsOf(RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
  char words[256];
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), std::max(timeout_ms, 1), words, sizeof(words));
  rd_kafka_CreateTopics(impl_->rk(), wanted.data(), wanted.size(), options.get(), impl_->queue.get());
  ASSIGN_OR_RETURN(const Event event, impl_->Wait("topics cannot be made", timeout_ms));

  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      return impl_->Failure("a topic cannot be made", err, Words(rd_kafka_topic_result_error_string(results[i])),
                            Place{rd_kafka_topic_result_name(results[i]), -1});
    }
  }
  for (const KafkaTopic& topic : topics) TRY(impl_->Existing(topic, timeout_ms, this));
  return {};
}

// Waits until the topic is known, and holds it against what is wanted.
Status KafkaAdmin::Impl::Existing(const KafkaTopic& topic, int timeout_ms, KafkaAdmin* admin) {
  Result<int32_t> partitions = admin->Partitions(topic.name, timeout_ms);
  for (int waited_ms = 0; !partitions.has_value() && partitions.error().code == ErrorCode::kNotFound;
       waited_ms += kLookAgainMs) {
    if (waited_ms > timeout_ms) {
      return Error{ErrorCode::kTransient, Text("a topic was made but is not known yet", RD_KAFKA_RESP_ERR__TIMED_OUT,
                                               {}, Place{topic.name, -1})};
    }
    rd_kafka_poll(rk(), kLookAgainMs);
    partitions = admin->Partitions(topic.name, timeout_ms);
  }
  if (!partitions.has_value()) return partitions.error();
  if (*partitions == topic.partitions) return {};
  return InvalidArgument(fmt::format(
      "Kafka at {}: the topic {} has {} partitions, and {} are wanted; their number is fixed when a pipeline "
      "is made: delete the topic, or set the number that it has",
      properties().brokers(), topic.name, *partitions, topic.partitions));
}

Result<int32_t> KafkaAdmin::Partitions(const std::string& topic, int timeout_ms) {
  const char* names[] = {topic.c_str()};
  const TopicNames collection(rd_kafka_TopicCollection_of_topic_names(names, 1));
  const AdminOptions options = impl_->OptionsOf(RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
  rd_kafka_DescribeTopics(impl_->rk(), collection.get(), options.get(), impl_->queue.get());
  constexpr const char* kWhat = "a topic's partitions cannot be asked";
  ASSIGN_OR_RETURN(const Event event, impl_->Wait(kWhat, timeout_ms));
  size_t count = 0;
  const rd_kafka_TopicDescription_t** all =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event.get()), &count);
  if (count != 1) return impl_->Failure(kWhat, RD_KAFKA_RESP_ERR__BAD_MSG, {}, Place{topic, -1});
  if (const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(all[0]);
      rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return impl_->Failure(kWhat, rd_kafka_error_code(error), rd_kafka_error_string(error), Place{topic, -1});
  }
  size_t partitions = 0;
  rd_kafka_TopicDescription_partitions(all[0], &partitions);
  return static_cast<int32_t>(partitions);
}

Result<std::map<std::string, int32_t>> KafkaAdmin::AllTopics(int timeout_ms) {
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_metadata(impl_->rk(), /*all_topics=*/1, nullptr, &raw, timeout_ms);
  rd_kafka_poll(impl_->rk(), 0);
  impl_->TellLog();
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (!impl_->last_error().empty()) return Error{ErrorCode::kTransient, impl_->last_error()};
    return impl_->Failure("topics cannot be listed", err);
  }
  const Metadata metadata(raw);
  impl_->ForgetLastError();
  std::map<std::string, int32_t> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) topics[topic.topic] = topic.partition_cnt;
  }
  return topics;
}

Result<std::map<std::string, std::string>> KafkaAdmin::TopicConfigs(const std::string& topic, int timeout_ms) {
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const AdminOptions options = impl_->OptionsOf(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(impl_->rk(), resources, 1, options.get(), impl_->queue.get());
  constexpr const char* kWhat = "a topic's configs cannot be asked";
  ASSIGN_OR_RETURN(const Event event, impl_->Wait(kWhat, timeout_ms));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** all =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return impl_->Failure(kWhat, RD_KAFKA_RESP_ERR__BAD_MSG, {}, Place{topic, -1});
  if (const rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error(all[0]); err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return impl_->Failure(kWhat, err, Words(rd_kafka_ConfigResource_error_string(all[0])), Place{topic, -1});
  }
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(all[0], &count);
  std::map<std::string, std::string> configs;
  for (size_t i = 0; i < count; ++i) {
    const bool secret = rd_kafka_ConfigEntry_is_sensitive(entries[i]) != 0;
    configs[rd_kafka_ConfigEntry_name(entries[i])] = secret ? "" : Words(rd_kafka_ConfigEntry_value(entries[i]));
  }
  return configs;
}

Result<std::vector<KafkaOffset>> KafkaAdmin::LogEnds(const std::vector<KafkaPartition>& partitions, int timeout_ms) {
  auto ends = impl_->LogEndsNow(partitions, timeout_ms);
  for (int waited_ms = 0; !ends.has_value() && ends.error().code == ErrorCode::kNotFound && waited_ms < timeout_ms;
       waited_ms += kLookAgainMs) {
    rd_kafka_poll(impl_->rk(), kLookAgainMs);
    ends = impl_->LogEndsNow(partitions, timeout_ms);
  }
  // So that the next call asks those who lead now.
  if (!ends.has_value() && ends.error().code == ErrorCode::kTransient) impl_->RefreshMetadata();
  return ends;
}

Result<std::vector<KafkaOffset>> KafkaAdmin::Impl::LogEndsNow(const std::vector<KafkaPartition>& partitions,
                                                              int timeout_ms) {
  const kafka::PartitionList list = kafka::MakeList(partitions);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_SPEC_LATEST;
  const AdminOptions options = OptionsOf(RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout_ms);
  rd_kafka_AdminOptions_set_isolation_level(options.get(), RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
  rd_kafka_ListOffsets(rk(), list.get(), options.get(), queue.get());
  constexpr const char* kWhat = "the ends of partitions cannot be asked";
  ASSIGN_OR_RETURN(const Event event, Wait(kWhat, timeout_ms));
  size_t count = 0;
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  std::vector<KafkaOffset> ends;
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t& each = *rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Failure(kWhat, each.err, {}, Place{each.topic, each.partition});
    }
    ends.push_back({each.topic, each.partition, each.offset});
  }
  return ends;
}

// Not rd_kafka_DescribeConsumerGroups (2.12.1): where its coordinator is found only after it has timed out, it uses
// memory that it has given back.
Result<KafkaGroup> KafkaAdmin::Group(const std::string& name, int timeout_ms) {
  const struct rd_kafka_group_list* raw = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_list_groups(impl_->rk(), name.c_str(), &raw, timeout_ms);
  const Groups groups(raw);
  rd_kafka_poll(impl_->rk(), 0);
  impl_->TellLog();
  const std::string what = fmt::format("the group {} cannot be asked for", name);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__PARTIAL) {
    return Error{ErrorCode::kTransient, impl_->Text(what, err)};
  }
  KafkaGroup group;
  if (groups->group_cnt == 0) return group;
  const rd_kafka_group_info& info = groups->groups[0];
  if (info.err != RD_KAFKA_RESP_ERR_NO_ERROR) return Error{ErrorCode::kTransient, impl_->Text(what, info.err)};
  const std::string_view state = info.state;
  if (state == "PreparingRebalance") group.state = KafkaGroup::State::kGathering;
  if (state == "CompletingRebalance") group.state = KafkaGroup::State::kSharing;
  if (state == "Stable") group.state = KafkaGroup::State::kStable;
  for (int i = 0; i < info.member_cnt; ++i) {
    const rd_kafka_group_member_info& member = info.members[i];
    const auto given = kafka::DecodeAssignment(
        {static_cast<const char*>(member.member_assignment), static_cast<size_t>(member.member_assignment_size)});
    if (!given.has_value()) return given.error().At(fmt::format("{}, member {}", what, Words(member.member_id)));
    group.given.insert(given->begin(), given->end());
  }
  return group;
}

Status KafkaAdmin::DeleteRecords(const std::vector<KafkaOffset>& before, int timeout_ms) {
  if (before.empty()) return {};
  const kafka::PartitionList list = kafka::MakeList(before);
  const std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(&rd_kafka_DeleteRecords_destroy)> unwanted(
      rd_kafka_DeleteRecords_new(list.get()), &rd_kafka_DeleteRecords_destroy);
  rd_kafka_DeleteRecords_t* requests = unwanted.get();
  const AdminOptions options = impl_->OptionsOf(RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout_ms);
  rd_kafka_DeleteRecords(impl_->rk(), &requests, 1, options.get(), impl_->queue.get());
  constexpr const char* kWhat = "records cannot be deleted";
  ASSIGN_OR_RETURN(const Event event, impl_->Wait(kWhat, timeout_ms));
  const rd_kafka_topic_partition_list_t* done =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < done->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = done->elems[i];
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return impl_->Failure(kWhat, each.err, {}, Place{each.topic, each.partition});
    }
  }
  return {};
}

Status KafkaAdmin::DeleteTopics(const std::vector<std::string>& topics, int timeout_ms) {
  if (topics.empty()) return {};
  std::vector<DeleteTopic> owned;
  std::vector<rd_kafka_DeleteTopic_t*> unwanted;
  unwanted.reserve(topics.size());
  for (const std::string& topic : topics) {
    unwanted.push_back(owned.emplace_back(rd_kafka_DeleteTopic_new(topic.c_str())).get());
  }
  const AdminOptions options = impl_->OptionsOf(RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_ms);
  rd_kafka_DeleteTopics(impl_->rk(), unwanted.data(), unwanted.size(), options.get(), impl_->queue.get());
  ASSIGN_OR_RETURN(const Event event, impl_->Wait("topics cannot be deleted", timeout_ms));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      return impl_->Failure("a topic cannot be deleted", err, Words(rd_kafka_topic_result_error_string(results[i])),
                            Place{rd_kafka_topic_result_name(results[i]), -1});
    }
  }
  return {};
}

}  // namespace braid
