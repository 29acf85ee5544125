#include <fmt/format.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "control/status.h"

namespace braid {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;
constexpr time_t kConnectTimeoutS = 2;
constexpr time_t kAnswerTimeoutS = 10;

Error NothingAnswers(const Config& config, const std::string& address, const std::string& why) {
  return {
      ErrorCode::kTransient,
      fmt::format("nothing answers at {} ({}): the pipeline '{}' does not run, or not with this configuration; start "
                  "it with braid run --config {}, or see its log for why it ended",
                  address, why, config.name, config.path)};
}

// Why there is no answer, in words.
const char* Reason(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "no connection";
    case httplib::Error::Read:
      return "connected, but no answer in time";
    case httplib::Error::Canceled:
      return "an answer without end";
    default:
      return "the connection broke";
  }
}

// An address that stands for all of this machine's is no address to ask.
std::string HostToAsk(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

}  // namespace

Result<std::string> FetchStatus(const Config& config) {
  if (config.http.port == 0) {
    return InvalidArgument(
        fmt::format("{}: has no http; there a running pipeline is asked how it fares: add http: "
                    "{{listen: 127.0.0.1:8080}} and start it anew",
                    config.path));
  }
  const std::string host = HostToAsk(config.http.host);
  const std::string address = fmt::format("http://{}:{}/status", host, config.http.port);
  httplib::Client client(host, config.http.port);
  client.set_connection_timeout(kConnectTimeoutS);
  client.set_read_timeout(kAnswerTimeoutS);
  std::string body;
  const auto answer = client.Get("/status", [&body](const char* data, size_t size) {
    body.append(data, size);
    return body.size() <= kMostBytes;
  });
  if (!answer) return NothingAnswers(config, address, Reason(answer.error()));
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (answer->status != 200 || !json.is_object() || !json.contains("name") || !json["name"].is_string()) {
    return Corrupt(fmt::format("{}: what answers there (status {}) is no Braid; correct listen in {}", address,
                               answer->status, config.path));
  }
  if (json["name"] != config.name) {
    return Corrupt(fmt::format("{}: the pipeline '{}' answers there, not '{}'; give each its own port", address,
                               json["name"].get<std::string>(), config.name));
  }
  return body;
}

}  // namespace braid
