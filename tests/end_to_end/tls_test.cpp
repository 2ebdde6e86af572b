// HTTPS: a certificate made here, a client of OpenSSL's.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "end_to_end/command.h"
#include "end_to_end/http_client.h"

namespace transept::testing {
namespace {

template <auto f>
struct Free {
  template <class T>
  void operator()(T* p) const {
    f(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Settings = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Bytes = std::unique_ptr<BIO, Free<BIO_free_all>>;

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<size_t>(size)};
}

// A certificate for localhost that signs itself.
struct Identity {
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate{X509_new()};

  Identity() {
    X509* x = certificate.get();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_sign(x, key.get(), EVP_sha256());
  }
  void save(const std::string& certificate_file, const std::string& key_file) const {
    const Bytes bytes(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bytes.get(), certificate.get());
    write(certificate_file, text_of(bytes.get()));
    const Bytes more(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(more.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    write(key_file, text_of(more.get()));
  }
};

// The answer to one request; empty if there is no handshake.
std::string ask(int port, X509* trusted, int newest_version, const std::string& request) {
  const Settings settings(SSL_CTX_new(TLS_client_method()));
  X509_STORE_add_cert(SSL_CTX_get_cert_store(settings.get()), trusted);
  SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_max_proto_version(settings.get(), newest_version);
  SSL_CTX_set_security_level(settings.get(), 0);
  const Bytes connection(BIO_new_ssl_connect(settings.get()));
  BIO_set_conn_hostname(connection.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
  if (BIO_do_connect(connection.get()) <= 0) return "";
  BIO_write(connection.get(), request.data(), static_cast<int>(request.size()));
  std::string answer;
  char buffer[4096];
  for (int n = 0; (n = BIO_read(connection.get(), buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  return answer;
}

TEST(ServeTls, AnswersOverTlsAndNothingElse) {
  const Identity identity;
  const std::string certificate = scratch("certificate.pem");
  const std::string key = scratch("key.pem");
  identity.save(certificate, key);
  ServerProcess server({model("tiny-t5-text"), "--memory-folder", "none", "--tls-certificate",
                        certificate, "--tls-key", key});
  const std::string body = R"({"input": "The dog sleeps", "stream": true})";
  const std::string request =
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string answer = ask(server.port(), identity.certificate.get(), version, request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    EXPECT_NE(answer.find("\"done\":true"), std::string::npos) << answer;
  }
  EXPECT_EQ(ask(server.port(), identity.certificate.get(), TLS1_1_VERSION, request), "");
  const Identity other;
  EXPECT_EQ(ask(server.port(), other.certificate.get(), TLS1_3_VERSION, request), "");
  Socket plain(server.port());
  plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.read_all(10).find("HTTP/"), std::string::npos);
  ERR_clear_error();
}

TEST(ServeTls, ReadsItsCertificateAgain) {
  const Identity first;
  const Identity second;
  const std::string certificate = scratch("renewed.pem");
  const std::string key = scratch("renewed-key.pem");
  first.save(certificate, key);
  ServerProcess server({model("tiny-t5-text"), "--memory-folder", "none", "--tls-certificate",
                        certificate, "--tls-key", key});
  const auto answers_as = [&](const Identity& identity) {
    const std::string request =
        "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    return ask(server.port(), identity.certificate.get(), TLS1_3_VERSION, request)
        .starts_with("HTTP/1.1 200");
  };
  EXPECT_TRUE(answers_as(first));
  second.save(certificate, key);
  EXPECT_TRUE(answers_as(first));  // until it is told
  server.signal(SIGHUP);
  for (int i = 0; i < 100 && !answers_as(second); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_TRUE(answers_as(second));
  EXPECT_FALSE(answers_as(first));
  write(certificate, "nonsense");
  server.signal(SIGHUP);
  for (int i = 0; i < 100 && server.log().find("stays as it was") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_NE(server.log().find("the certificate stays as it was"), std::string::npos);
  EXPECT_TRUE(answers_as(second));
  ERR_clear_error();
}

TEST(ServeTls, RefusesFilesThatAreNone) {
  const std::string certificate = scratch("nonsense.pem");
  write(certificate, "nonsense");
  const Result result =
      transept({"serve", model("tiny-t5-text"), "--memory-folder", "none", "--port", "0",
                "--tls-certificate", certificate, "--tls-key", certificate});
  EXPECT_EQ(result.code, 65) << result.err;
  EXPECT_NE(result.err.find(certificate), std::string::npos) << result.err;
  EXPECT_EQ(transept({"serve", model("tiny-t5-text"), "--tls-certificate", certificate}).code, 2);
}

}  // namespace
}  // namespace transept::testing
