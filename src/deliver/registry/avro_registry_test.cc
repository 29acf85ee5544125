#include "deliver/registry/avro_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace braid {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kSchema[] = R"({"type":"record","name":"A","fields":[]})";

// Answers what a test tells it to, and remembers what it was asked.
class FakeRegistry {
 public:
  FakeRegistry() {
    server_.set_keep_alive_max_count(1);
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request.method + " " + request.path);
      authorization_ = request.get_header_value("Authorization");
      body_ = request.body;
      const auto answer = answers_.find(request.path);
      response.status = answer == answers_.end() ? 404 : answer->second.first;
      response.set_content(answer == answers_.end() ? "<html>" : answer->second.second, "application/json");
    };
    server_.Get(".*", handle);
    server_.Post(".*", handle);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeRegistry() {
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void Answer(const std::string& path, int status, const std::string& body) { answers_[path] = {status, body}; }
  std::vector<std::string> TakeAsked() {
    const std::lock_guard lock(mutex_);
    return std::exchange(asked_, {});
  }
  std::string authorization() const { return authorization_; }
  std::string body() const { return body_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  std::vector<std::string> asked_;
  std::string authorization_;
  std::string body_;
  std::thread thread_;
};

class AvroRegistryTest : public testing::Test {
 protected:
  AvroRegistryTest() {
    options_.urls = {fake_.url()};
    options_.timeout_ms = 2000;
    options_.wait = [this](int64_t ms) {
      waited_.push_back(ms);
      return true;
    };
  }

  Result<int32_t> Register() {
    auto registry = AvroRegistry::Make(options_);
    if (!registry.has_value()) return registry.error();
    return (*registry)->Register("p.t-value", kSchema);
  }

  FakeRegistry fake_;
  AvroRegistryOptions options_;
  std::vector<int64_t> waited_;
};

TEST_F(AvroRegistryTest, ASchemaThatIsThereIsFoundAndNothingChanged) {
  fake_.Answer("/subjects/p.t-value", 200, R"({"subject":"p.t-value","id":7,"version":1})");
  const auto id = Register();
  ASSERT_TRUE(id.has_value()) << id.error().message;
  EXPECT_EQ(*id, 7);
  EXPECT_THAT(fake_.TakeAsked(), ElementsAre("POST /subjects/p.t-value"));
  EXPECT_THAT(fake_.body(), HasSubstr(R"("schema":"{\"type\":\"record\",)"));
  EXPECT_EQ(fake_.authorization(), "");
}

TEST_F(AvroRegistryTest, TheFirstOfASubjectIsRegistered) {
  fake_.Answer("/subjects/p.t-value", 404, R"({"error_code":40401,"message":"no"})");
  fake_.Answer("/subjects/p.t-value/versions", 200, R"({"id":8})");
  EXPECT_EQ(Register(), 8);
  EXPECT_THAT(fake_.TakeAsked(), ElementsAre("POST /subjects/p.t-value", "POST /subjects/p.t-value/versions"));
}

TEST_F(AvroRegistryTest, AChangedOneIsRegisteredIfItIsCompatible) {
  fake_.Answer("/subjects/p.t-value", 404, R"({"error_code":40403,"message":"no"})");
  fake_.Answer("/compatibility/subjects/p.t-value/versions/latest", 200, R"({"is_compatible":true})");
  fake_.Answer("/subjects/p.t-value/versions", 200, R"({"id":9})");
  EXPECT_EQ(Register(), 9);
}

TEST_F(AvroRegistryTest, AnIncompatibleOneIsRefusedWithTheReasonAndTheCure) {
  fake_.Answer("/subjects/p.t-value", 404, R"({"error_code":40403,"message":"no"})");
  fake_.Answer("/compatibility/subjects/p.t-value/versions/latest", 200,
               R"({"is_compatible":false,"messages":["one\nreason","another"]})");
  const auto id = Register();
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("subject p.t-value"), HasSubstr("one reason; another"),
                                        HasSubstr("another topic"), Not(HasSubstr("\n"))));
  EXPECT_THAT(fake_.TakeAsked(), Not(testing::Contains("POST /subjects/p.t-value/versions")));
}

TEST_F(AvroRegistryTest, SaysTheSameWhereOnlyRegisteringIsRefused) {
  fake_.Answer("/subjects/p.t-value", 404, R"({"error_code":40401,"message":"no"})");
  fake_.Answer("/subjects/p.t-value/versions", 409, R"({"error_code":409,"message":"not so"})");
  EXPECT_THAT(Register().error().message, AllOf(HasSubstr("cannot follow"), HasSubstr("not so")));
}

TEST_F(AvroRegistryTest, UserAndPasswordAreSentAndTheirRefusalNamesNeither) {
  options_.user = "me";
  options_.password = Secret("hush");
  fake_.Answer("/subjects/p.t-value", 401, R"({"error_code":401,"message":"me, hush is wrong"})");
  const auto id = Register();
  EXPECT_EQ(fake_.authorization(), "Basic bWU6aHVzaA==");
  EXPECT_EQ(id.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("check user and password"), Not(HasSubstr("hush"))));
}

TEST_F(AvroRegistryTest, WhatIsNoRegistryIsNamed) {
  EXPECT_THAT(Register().error().message, HasSubstr("is no schema registry; check the URL"));
  fake_.Answer("/subjects/p.t-value", 404, R"({"error_code":404,"message":"no such page"})");
  EXPECT_THAT(Register().error().message, HasSubstr("is no schema registry"));
  fake_.Answer("/subjects/p.t-value", 200, "[]");
  EXPECT_THAT(Register().error().message, HasSubstr("is no schema registry"));
  fake_.Answer("/subjects/p.t-value", 200, R"({"id":4294967296})");
  EXPECT_THAT(Register().error().message, HasSubstr("is no schema registry"));
}

TEST_F(AvroRegistryTest, OneThatIsAwayIsAskedAgainForABoundedTime) {
  fake_.Answer("/subjects/p.t-value", 503, "{}");
  const auto id = Register();
  EXPECT_EQ(id.error().code, ErrorCode::kTransient);
  EXPECT_THAT(id.error().message, HasSubstr(fake_.url() + ": answers 503"));
  EXPECT_EQ(fake_.TakeAsked().size(), 3U);
  EXPECT_THAT(waited_, ElementsAre(200, 400));
}

TEST_F(AvroRegistryTest, WaitsNoLongerThanItIsLet) {
  fake_.Answer("/subjects/p.t-value", 500, "{}");
  options_.wait = [](int64_t) { return false; };
  EXPECT_EQ(Register().error().code, ErrorCode::kTransient);
  EXPECT_EQ(fake_.TakeAsked().size(), 1U);
}

TEST_F(AvroRegistryTest, AnotherUrlIsAskedWhereOneFails) {
  // Nobody listens at port 1.
  options_.urls = {"http://127.0.0.1:1", fake_.url() + "/"};
  fake_.Answer("/subjects/p.t-value", 200, R"({"id":7})");
  EXPECT_EQ(Register(), 7);
  EXPECT_TRUE(waited_.empty());
}

TEST_F(AvroRegistryTest, AUrlMayHaveAPath) {
  options_.urls = {fake_.url() + "/apis/ccompat/v7"};
  fake_.Answer("/apis/ccompat/v7/subjects/p.t-value", 200, R"({"id":7})");
  EXPECT_EQ(Register(), 7);
}

TEST_F(AvroRegistryTest, GivesASchemaById) {
  fake_.Answer("/schemas/ids/5", 200, R"({"schema":"\"int\""})");
  fake_.Answer("/schemas/ids/6", 404, R"({"error_code":40403,"message":"no"})");
  auto registry = AvroRegistry::Make(options_);
  ASSERT_TRUE(registry.has_value());
  EXPECT_EQ((*registry)->Schema(5), "\"int\"");
  EXPECT_EQ((*registry)->Schema(6).error().code, ErrorCode::kNotFound);
}

TEST_F(AvroRegistryTest, OptionsThatMakeNoSenseAreRefused) {
  const auto refusal = [this](const std::string& url) {
    options_.urls = {url};
    const auto registry = AvroRegistry::Make(options_);
    return registry.has_value() ? std::string() : registry.error().message;
  };
  EXPECT_THAT(refusal("registry:8081"), HasSubstr("is no URL"));
  EXPECT_THAT(refusal("https://"), HasSubstr("is no URL"));
  EXPECT_THAT(refusal("http://a b"), HasSubstr("is no URL"));
  EXPECT_THAT(refusal("http://me:hush@host"), AllOf(HasSubstr("by themselves"), Not(HasSubstr("hush"))));
  options_.key_file = "key.pem";
  EXPECT_THAT(refusal("https://host"), HasSubstr("go together"));
  options_.certificate_file = "/nowhere/cert.pem";
  EXPECT_THAT(refusal("https://host"), HasSubstr("/nowhere/cert.pem"));
}

TEST_F(AvroRegistryTest, NeedsCertificatesThatCanBeRead) {
  options_.urls = {"https" + fake_.url().substr(4)};
  EXPECT_THAT(Register().error().message, HasSubstr("TLS cannot be agreed on"));
  options_.ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(Register().error().message, HasSubstr("/nowhere/ca.pem cannot be read"));
}

// A certificate that vouches for itself, for 127.0.0.1, and its key, as PEM files of a directory.
class SelfSigned {
 public:
  SelfSigned() {
    EVP_PKEY* const key = ::EVP_EC_gen("P-256");
    X509* const certificate = ::X509_new();
    ::X509_set_version(certificate, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -60);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 3600);
    ::X509_set_pubkey(certificate, key);
    X509_NAME* const name = ::X509_get_subject_name(certificate);
    ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1,
                                 0);
    ::X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const address = ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    ::X509_add_ext(certificate, address, -1);
    ::X509_EXTENSION_free(address);
    ::X509_sign(certificate, key, ::EVP_sha256());
    BIO* file = ::BIO_new_file(certificate_path().c_str(), "w");
    ::PEM_write_bio_X509(file, certificate);
    ::BIO_free(file);
    file = ::BIO_new_file(key_path().c_str(), "w");
    ::PEM_write_bio_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    ::BIO_free(file);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
  }

  std::string certificate_path() const { return testing::TempDir() + "braid_registry_cert.pem"; }
  std::string key_path() const { return testing::TempDir() + "braid_registry_key.pem"; }
};

TEST_F(AvroRegistryTest, TrustsWhomItIsToldToAndNobodyElse) {
  const SelfSigned self_signed;
  httplib::SSLServer server(self_signed.certificate_path().c_str(), self_signed.key_path().c_str());
  server.Post("/subjects/p.t-value", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"id":7})", "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  options_.urls = {"https://127.0.0.1:" + std::to_string(port)};
  const auto stranger = Register();
  options_.ca_file = self_signed.certificate_path();
  const auto friendly = Register();
  while (!server.is_running()) std::this_thread::yield();
  server.stop();
  thread.join();
  EXPECT_THAT(stranger.error().message, HasSubstr("its certificate is not trusted"));
  ASSERT_TRUE(friendly.has_value()) << friendly.error().message;
  EXPECT_EQ(*friendly, 7);
}

}  // namespace
}  // namespace braid
