// A client of a Confluent-compatible schema registry, for Avro. (What a pipeline itself knows of tables is capture's.)
// Learned from the REST interface of Confluent's Schema Registry 7, and Apicurio Registry 2.6 (/apis/ccompat/v7).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace braid {

// Where the registry is, and for how long it is asked.
struct AvroRegistryOptions {
  // "http://HOST[:PORT][/PATH]" or https. Several are copies of one registry: each is asked until one answers.
  std::vector<std::string> urls;
  std::string user;  // of HTTP's basic authentication; empty: none
  Secret password;
  std::string ca_file;           // certificates that are trusted for https; empty: the system's
  std::string certificate_file;  // our own, with its key, if the registry asks for one; empty: none
  std::string key_file;

  int64_t timeout_ms = 5000;  // to connect to one URL, and for each of its bytes to come or go
  int rounds = 3;             // over all URLs, until the registry counts as away
  int64_t pause_ms = 200;     // before the second round; twice as long before each later one
  // Waits between rounds; false: give up at once. Without it no time passes between them.
  std::function<bool(int64_t ms)> wait;
};

// For one thread. Every call blocks for at most rounds * urls * a few timeouts and the pauses between.
//
// Errors: kTransient if no URL gives an answer; kInvalidArgument where the registry says no, or is none: the message
// has its words, and what to do.
class AvroRegistry {
 public:
  // Nothing is sent yet. kInvalidArgument if an option makes no sense.
  static Result<std::unique_ptr<AvroRegistry>> Make(AvroRegistryOptions options);
  virtual ~AvroRegistry() = default;

  // The id of the Avro schema `schema` (its JSON text) under `subject` ("TOPIC-key" or "TOPIC-value"), which is
  // registered if it is not there. A new version must be compatible with the newest one, by the subject's own rule
  // (BACKWARD, unless somebody chose another): kInvalidArgument if it is not, and nothing is changed.
  virtual Result<int32_t> Register(const std::string& subject, const std::string& schema) = 0;

  // The text of the schema that has the id. kNotFound if there is none.
  virtual Result<std::string> Schema(int32_t id) = 0;
};

}  // namespace braid
