#include "serve/header_rules.h"

#include <gtest/gtest.h>

#include "serve/errors.h"
#include "serve/request_reader.h"

namespace transept::serve {
namespace {

// 0: taken. Fed byte by byte and at once, which must not differ.
int status_of(const std::string& bytes) {
  const auto feed = [&](size_t piece) {
    HttpOptions options;
    RequestReader reader(options);
    std::string inbox;
    try {
      for (size_t at = 0; at < bytes.size() && !reader.is_done(); at += piece) {
        inbox += bytes.substr(at, piece);
        inbox.erase(0, reader.feed(inbox));
        inbox.erase(0, reader.feed(inbox));
      }
    } catch (const Refusal& refusal) {
      return refusal.status();
    }
    return reader.has_header() ? 0 : -1;
  };
  const int status = feed(bytes.size());
  EXPECT_EQ(feed(1), status) << bytes;
  return status;
}

std::string post(const std::string& headers, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

TEST(HeaderRules, TakeWhatIsRight) {
  for (const std::string& good :
       {post(""), post("Content-Length: 2\r\n", "ab"), post("Transfer-Encoding: Chunked\r\n"),
        post("transfer-encoding: \t chunked \r\n", "2;a=b;c=\"d\"\r\nab\r\n0\r\nT: 1\r\n\r\n"),
        post("Content-Length: 0\r\nX:\r\nY: a\tb\r\n"), post("Expect: 100-Continue\r\n"),
        "\r\n" + post(""), std::string("GET / HTTP/1.0\r\n\r\n"),
        std::string("GET /a?b HTTP/1.1\r\nHost:a:80\r\n\r\n"),
        std::string("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("GET http://b:80/c HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")})
    EXPECT_EQ(status_of(good), 0) << good;
}

// RFC 9112, sections 6.1, 6.2 and 6.3.
TEST(HeaderRules, OneFramingOrNone) {
  EXPECT_EQ(status_of(post("Transfer-Encoding: xchunked\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked, identity\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: identity\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: \"chunked\"\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked;q=1\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked, chunked\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding:\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: ,chunked\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 1\r\nTransfer-Encoding: xchunked\r\n")), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  for (const char* length : {"1, 1", "1,2", "+1", "-1", "0x1", "1 1", "", "1a", "1.0", "1;",
                             "18446744073709551616", "99999999999999999999999"})
    EXPECT_EQ(status_of(post(std::string("Content-Length: ") + length + "\r\n")), 400) << length;
  EXPECT_EQ(status_of(post("Content-Length: 1\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 1\r\ncontent-length: 2\r\n")), 400);
}

// Sections 2.2 and 5: line ends, white space, folding, names.
TEST(HeaderRules, OneReadingOfEveryLine) {
  using namespace std::string_literals;
  for (const std::string& bad : {post("A: b\rc\r\n"),
                                 post("A: b\nC: d\r\n"),
                                 post("A: b\r\r\n"),
                                 post("A: b\r\n folded\r\n"),
                                 post(" A: b\r\n"),
                                 post("A : b\r\n"),
                                 post("A\t: b\r\n"),
                                 post(": b\r\n"),
                                 post("A\r\n"),
                                 post("A b: c\r\n"),
                                 post("A(: c\r\n"),
                                 post("A: b\0c\r\n"s),
                                 post("A\0: c\r\n"s),
                                 post("A: \x01\r\n"),
                                 post("A: \x7f\r\n"),
                                 post("Content-Length : 1\r\n"),
                                 post("Transfer-Encoding : chunked\r\n"),
                                 post("\x0bTransfer-Encoding: chunked\r\n"),
                                 "GET / HTTP/1.1\r\n Host: a\r\n\r\n"s,
                                 "GET / HTTP/1.1\nHost: a\n\n"s,
                                 "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"s,
                                 "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET /\r\nHost: a\r\n\r\n"s,
                                 "GET / http/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET / HTTP/1.11\r\nHost: a\r\n\r\n"s,
                                 "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"s,
                                 "GET a HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET * HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s,
                                 "\x16\x03\x01\x02"s})
    EXPECT_EQ(status_of(bad), 400) << bad;
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of(post("Expect: something\r\n")), 417);
  EXPECT_EQ(status_of(post("A: " + std::string(20'000, 'b') + "\r\n")), 431);
  EXPECT_EQ(status_of("GET /" + std::string(20'000, 'b')), 431);
}

// Section 3.2.
TEST(HeaderRules, OneHost) {
  const auto get = [](const std::string& hosts) { return "GET / HTTP/1.1\r\n" + hosts + "\r\n"; };
  EXPECT_EQ(status_of(get("")), 400);
  EXPECT_EQ(status_of(get("Host: a\r\nHost: a\r\n")), 400);
  EXPECT_EQ(status_of(get("Host: a\r\nhost: b\r\n")), 400);
  for (const char* bad : {"", "a b", "a@b", "localhost:1@evil", "[::1].evil", "[::1", "[]", "a:b",
                          "a:1:2", "a/b", ":80", "a,b", "a?", "a#", "\xc3\xa4"})
    EXPECT_EQ(status_of(get("Host: " + std::string(bad) + "\r\n")),
              std::string(bad) == "a,b" ? 0 : 400)
        << bad;
  EXPECT_EQ(host_name("LocalHost:80"), "localhost");
  EXPECT_EQ(host_name("[::1]:80"), "[::1]");
  EXPECT_EQ(host_name("127.0.0.1"), "127.0.0.1");
}

TEST(HeaderRules, AnAbsoluteTargetNamesTheHost) {
  HttpRequest request;
  request.method = "GET";
  request.headers = {{"Host", "localhost"}};
  std::string target = "HTTP://Evil.example?a=b";
  check_framing(request, target, false);
  EXPECT_EQ(target, "/?a=b");
  EXPECT_EQ(request.header("host"), "Evil.example");
  EXPECT_EQ(request.headers.size(), 1);
}

// Section 7.1: what stands around chunks is bounded, and its trailers are no headers.
TEST(HeaderRules, ChunksAreBounded) {
  const auto chunked = [](const std::string& body) {
    return status_of(post("Transfer-Encoding: chunked\r\n", body));
  };
  const std::string a20k(20'000, 'a');
  EXPECT_EQ(chunked("1;" + a20k), 431);
  EXPECT_EQ(chunked("0\r\nA: " + a20k), 431);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;extension=of-some-length\r\na\r\n";
  EXPECT_EQ(chunked(many), 431);
  for (const char* bad : {"x\r\n", "-1\r\n", "1\r\nab0\r\n\r\n", "1 \nab\r\n",
                          "ffffffffffffffffff\r\n", "\r\n", "1\nab\r\n", "0x1\r\na\r\n0\r\n\r\n"})
    EXPECT_EQ(chunked(bad), 400) << bad;
}

}  // namespace
}  // namespace transept::serve
