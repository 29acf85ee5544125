#include "deliver/registry/http_caller.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/x509_vfy.h>

#include <string_view>
#include <utility>

namespace braid {
namespace {

constexpr char kContentType[] = "application/vnd.schemaregistry.v1+json";
// Schemas are a few kilobytes; an answer holds one.
constexpr size_t kMostAnswerBytes = size_t{16} << 20;

bool MayPass(int status) {
  return status >= 500 || status == 408 || status == 429;
}

const char* WhyNoAnswer(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::BindIPAddress:
      return "cannot connect";
    case httplib::Error::ConnectionTimeout:
      return "does not answer";
    case httplib::Error::Read:
      return "broke off, or was silent for too long";
    case httplib::Error::Write:
      return "takes no request";
    case httplib::Error::SSLConnection:
      return "TLS cannot be agreed on";
    case httplib::Error::SSLServerVerification:
      return "its certificate is not trusted; give the file of its authority's as ca";
    case httplib::Error::Canceled:
      return "the answer is too long";
    default:
      return "no answer that is HTTP";
  }
}

}  // namespace

HttpCaller::HttpCaller(AvroRegistryOptions options) : options_(std::move(options)) {}

HttpCaller::~HttpCaller() = default;

Result<std::unique_ptr<HttpCaller>> HttpCaller::Make(AvroRegistryOptions options) {
  if (options.urls.empty()) return InvalidArgument("schema registry: no URL is given");
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return InvalidArgument("schema registry: a certificate and its key go together; give both or neither");
  }
  std::unique_ptr<HttpCaller> caller(new HttpCaller(std::move(options)));
  for (const std::string& url : caller->options_.urls) TRY(caller->AddServer(url));
  return caller;
}

Status HttpCaller::AddServer(const std::string& url) {
  // Before the URL is in any message.
  if (url.find('@') != std::string::npos) {
    return InvalidArgument("schema registry: a URL with an @; give user and password by themselves, not in the URL");
  }
  const size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const size_t slash = std::min(url.find('/', scheme), url.size());
  if (scheme == 0 || slash == scheme || url.find_first_of(" ?#\r\n") != std::string::npos) {
    return InvalidArgument(
        fmt::format("schema registry: '{}' is no URL of a registry; write http://HOST:PORT or https://HOST:PORT", url));
  }
  Server server;
  server.url = url;
  server.prefix = url.substr(slash);
  while (server.prefix.ends_with('/')) server.prefix.pop_back();
  server.client = std::make_unique<httplib::Client>(url.substr(0, slash), options_.certificate_file, options_.key_file);
  if (!server.client->is_valid()) {
    return InvalidArgument(fmt::format("schema registry {}: the certificate {} and the key {} cannot be used", url,
                                       options_.certificate_file, options_.key_file));
  }
  const std::chrono::milliseconds timeout(options_.timeout_ms);
  server.client->set_connection_timeout(timeout);
  server.client->set_read_timeout(timeout);
  server.client->set_write_timeout(timeout);
  server.client->set_follow_location(false);
  if (!options_.user.empty()) server.client->set_basic_auth(options_.user, options_.password.Reveal());
  if (url.starts_with("https://")) TRY(TrustAuthorities(server.client.get()));
  servers_.push_back(std::move(server));
  return {};
}

// Not by the library's own way, which sees only on its first request that a file cannot be read, and then forgets it.
Status HttpCaller::TrustAuthorities(httplib::Client* client) const {
  if (options_.ca_file.empty()) return {};
  X509_STORE* const store = ::X509_STORE_new();
  if (::X509_STORE_load_locations(store, options_.ca_file.c_str(), nullptr) != 1) {
    ::X509_STORE_free(store);
    return InvalidArgument(
        fmt::format("schema registry: {} cannot be read as certificates to trust (PEM)", options_.ca_file));
  }
  client->set_ca_cert_store(store);  // which owns it from now on
  return {};
}

bool HttpCaller::Ask(Server* server, const std::string& path, const std::string& body, HttpAnswer* answer) {
  httplib::Request request;
  request.method = body.empty() ? "GET" : "POST";
  request.path = server->prefix + path;
  request.headers = {{"Accept", kContentType}};
  if (!body.empty()) {
    request.headers.emplace("Content-Type", kContentType);
    request.body = body;
  }
  std::string text;
  request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t) {
    if (text.size() + size > kMostAnswerBytes) return false;
    text.append(bytes, size);
    return true;
  };
  const httplib::Result result = server->client->send(request);
  if (!result) {
    server->failure = WhyNoAnswer(result.error());
    return false;
  }
  if (MayPass(result->status)) {
    server->failure = fmt::format("answers {}", result->status);
    return false;
  }
  *answer = {.status = result->status, .body = std::move(text), .url = server->url};
  return true;
}

bool HttpCaller::Pause(int round) const {
  constexpr int kMostDoublings = 6;
  return !options_.wait || options_.wait(options_.pause_ms << std::min(round, kMostDoublings));
}

Result<HttpAnswer> HttpCaller::Call(const std::string& path, const std::string& body) {
  HttpAnswer answer;
  for (int round = 0; round < options_.rounds; ++round) {
    if (round > 0 && !Pause(round - 1)) break;
    for (size_t i = 0; i < servers_.size(); ++i) {
      const size_t server = (first_ + i) % servers_.size();
      if (!Ask(&servers_[server], path, body, &answer)) continue;
      first_ = server;
      return answer;
    }
  }
  std::string failures;
  for (const Server& server : servers_) {
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", server.url, server.failure);
  }
  return Error{ErrorCode::kTransient, "schema registry is away: " + failures};
}

}  // namespace braid
