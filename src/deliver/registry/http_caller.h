// Asks one of several HTTP servers that are copies of each other. Internal to the room: its door is avro_registry.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/registry/avro_registry.h"

namespace httplib {
class Client;
}

namespace braid {

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string url;  // of the server that gave it
};

class HttpCaller {
 public:
  // kInvalidArgument if an option makes no sense.
  static Result<std::unique_ptr<HttpCaller>> Make(AvroRegistryOptions options);
  ~HttpCaller();

  // The first answer that is worth believing: no server's error, no "try later". GET if `body` is empty, else POST.
  // `path` begins with a slash. kTransient, with what each URL last said, if there is none.
  Result<HttpAnswer> Call(const std::string& path, const std::string& body);

 private:
  struct Server {
    std::string url;     // as given
    std::string prefix;  // the path within it
    std::unique_ptr<httplib::Client> client;
    std::string failure;  // why it gave no answer, last time
  };

  explicit HttpCaller(AvroRegistryOptions options);
  Status AddServer(const std::string& url);
  Status TrustAuthorities(httplib::Client* client) const;
  bool Ask(Server* server, const std::string& path, const std::string& body, HttpAnswer* answer);
  bool Pause(int round) const;

  const AvroRegistryOptions options_;
  std::vector<Server> servers_;
  size_t first_ = 0;  // the server that answered last
};

}  // namespace braid
