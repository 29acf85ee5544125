#include "deliver/registry/avro_registry.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "deliver/registry/http_caller.h"

namespace braid {
namespace {

using nlohmann::json;

// The registry's own numbers, within an answer of status 404.
constexpr int kNoSubject = 40401;
constexpr int kNoVersion = 40402;
constexpr int kNoSchema = 40403;

constexpr size_t kMostWords = 1000;

// Topics have none of the characters that a path may not hold, but a caller's may.
std::string Encoded(const std::string& name) {
  std::string encoded;
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return encoded;
}

std::string TextOf(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t NumberOf(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : -1;
}

// What a registry says, for one line of a message.
std::string OneLine(std::string words) {
  if (words.size() > kMostWords) words = words.substr(0, kMostWords) + "…";
  for (char& c : words) {
    if (static_cast<uint8_t>(c) < 0x20) c = ' ';
  }
  return words;
}

// Why a schema is not compatible: Confluent's registry has a list, Apicurio's a text.
std::string ReasonsOf(const json& answer) {
  std::string reasons = TextOf(answer, "reason");
  const auto messages = answer.is_object() ? answer.find("messages") : answer.end();
  if (messages != answer.end() && messages->is_array()) {
    for (const json& message : *messages) {
      if (message.is_string()) reasons += (reasons.empty() ? "" : "; ") + message.get<std::string>();
    }
  }
  if (reasons.empty()) reasons = TextOf(answer, "message");
  return reasons.empty() ? "the registry does not say why" : OneLine(reasons);
}

class Client : public AvroRegistry {
 public:
  explicit Client(std::unique_ptr<HttpCaller> http) : http_(std::move(http)) {}

  Result<int32_t> Register(const std::string& subject, const std::string& schema) override {
    const std::string body =
        json{{"schema", schema}, {"schemaType", "AVRO"}}.dump(-1, ' ', false, json::error_handler_t::replace);
    const std::string path = "/subjects/" + Encoded(subject);
    ASSIGN_OR_RETURN(const Reply known, Call(path, body));
    if (known.status == 200) return IdOf(known);
    if (known.status != 404 || (known.code != kNoSubject && known.code != kNoSchema)) return No(known, subject);
    if (known.code == kNoSchema) TRY(CheckCompatible(subject, body));
    ASSIGN_OR_RETURN(const Reply made, Call(path + "/versions", body));
    if (made.status == 409) return Incompatible(subject, made);
    if (made.status != 200) return No(made, subject);
    return IdOf(made);
  }

  Result<std::string> Schema(int32_t id) override {
    ASSIGN_OR_RETURN(const Reply reply, Call(fmt::format("/schemas/ids/{}", id), ""));
    if (reply.status == 404 && reply.code == kNoSchema) {
      return NotFound(fmt::format("schema registry {}: there is no schema {}", reply.url, id));
    }
    const std::string schema = TextOf(reply.body, "schema");
    if (reply.status != 200 || schema.empty()) return No(reply, fmt::format("schema {}", id));
    return schema;
  }

 private:
  struct Reply {
    int status = 0;
    int64_t code = 0;  // the registry's own, if it gives one
    json body;         // discarded if it is no JSON
    std::string url;
  };

  Result<Reply> Call(const std::string& path, const std::string& body) {
    ASSIGN_OR_RETURN(HttpAnswer answer, http_->Call(path, body));
    Reply reply{.status = answer.status, .body = json::parse(answer.body, nullptr, false), .url = answer.url};
    reply.code = NumberOf(reply.body, "error_code");
    return reply;
  }

  Status CheckCompatible(const std::string& subject, const std::string& body) {
    const std::string path = "/compatibility/subjects/" + Encoded(subject) + "/versions/latest?verbose=true";
    ASSIGN_OR_RETURN(const Reply reply, Call(path, body));
    // Every version was deleted meanwhile: nothing to be compatible with.
    if (reply.status == 404 && (reply.code == kNoSubject || reply.code == kNoVersion)) return {};
    const auto answer = reply.body.is_object() ? reply.body.find("is_compatible") : reply.body.end();
    if (reply.status != 200 || answer == reply.body.end() || !answer->is_boolean()) return No(reply, subject);
    if (!answer->get<bool>()) return Incompatible(subject, reply);
    return {};
  }

  static Error Incompatible(const std::string& subject, const Reply& reply) {
    return InvalidArgument(
        fmt::format("schema registry {}: subject {}: the schema that the table has now cannot follow the newest one: "
                    "{}. Give the stream another topic, or, if all readers can follow, set the subject's compatibility "
                    "to NONE until the schema is registered",
                    reply.url, subject, ReasonsOf(reply.body)));
  }

  static Result<int32_t> IdOf(const Reply& reply) {
    const int64_t id = NumberOf(reply.body, "id");
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) return NoRegistry(reply);
    return static_cast<int32_t>(id);
  }

  // Of any answer that a registry should not have given.
  static Error No(const Reply& reply, const std::string& what) {
    if (reply.status == 401 || reply.status == 403) {
      return InvalidArgument(
          fmt::format("schema registry {}: {}: it refuses us ({}); check user and password, and what they may do",
                      reply.url, what, reply.status));
    }
    const std::string words = TextOf(reply.body, "message");
    // Any server says 404; a registry says of what.
    if (words.empty() || (reply.status == 404 && reply.code < kNoSubject)) return NoRegistry(reply);
    return InvalidArgument(
        fmt::format("schema registry {}: {}: it answers {}: {}", reply.url, what, reply.status, OneLine(words)));
  }

  static Error NoRegistry(const Reply& reply) {
    return InvalidArgument(
        fmt::format("schema registry {}: what answers there ({}) is no schema registry; check the URL, its path too",
                    reply.url, reply.status));
  }

  std::unique_ptr<HttpCaller> http_;
};

}  // namespace

Result<std::unique_ptr<AvroRegistry>> AvroRegistry::Make(AvroRegistryOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<HttpCaller> http, HttpCaller::Make(std::move(options)));
  return std::make_unique<Client>(std::move(http));
}

}  // namespace braid
