// The server's outer wall: what is decided before a body is read, what all bodies together may
// take, how messages are framed, what an I/O thread must not do.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <sstream>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kSecret = "Authorization: Bearer the-secret-of-a\r\n";

std::string key_file(const std::string& name = "wall-keys") {
  const std::string keys = scratch(name);
  write(keys, "a the-secret-of-a\n");
  return keys;
}

// What comes back for these bytes, until the server closes.
std::string answer_to(int port, const std::string& bytes) {
  Socket socket(port);
  socket.send(bytes);
  const std::string answer = socket.read_all(10);
  EXPECT_TRUE(socket.at_end()) << bytes.substr(0, 200);
  return answer;
}

int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

// Processor time of the I/O thread, which is the process's first one.
double io_seconds(const ServerProcess& server) {
  const std::string id = std::to_string(server.process());
  std::istringstream in(read("/proc/" + id + "/task/" + id + "/schedstat"));
  double nanoseconds = 0;
  in >> nanoseconds;
  return nanoseconds / 1e9;
}

TEST(ServeWall, DecidesBeforeABodyIsRead) {
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", key_file()});
  struct Case {
    int status;
    std::string head;
  };
  const std::string json = "Content-Type: application/json\r\n";
  for (const Case& c : std::initializer_list<Case>{
           {401, "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\n"},
           {401, "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\n" + json},
           {401, "POST /v2/translate HTTP/1.1\r\nHost: localhost\r\n" + json},
           {401, "POST /translate HTTP/1.1\r\nHost: localhost\r\nX-API-Key: wrong-key\r\n"},
           {413, "POST /translate HTTP/1.1\r\nHost: localhost\r\n"},
           {413, "GET /health HTTP/1.1\r\nHost: localhost\r\n"},
           {413, "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\n" + kSecret + "X: y\r\n"},
           {403, "POST /v1/generate HTTP/1.1\r\nHost: evil.example\r\n" + kSecret},
           {403, "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n"},
           {404, "POST /nothing HTTP/1.1\r\nHost: localhost\r\n" + kSecret},
           {405, "PUT /v1/generate HTTP/1.1\r\nHost: localhost\r\n" + kSecret},
           {415, "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n" +
                     kSecret},
           {415, "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/html\r\n" +
                     kSecret}}) {
    const std::string answer = answer_to(
        server.port(), c.head + "Expect: 100-continue\r\nContent-Length: 268435457\r\n\r\n");
    EXPECT_EQ(status_of(answer), c.status) << c.head << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
  }
  const std::string none = answer_to(
      server.port(),
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + kSecret + "\r\n");
  EXPECT_EQ(status_of(none), 411) << none;
}

TEST(ServeWall, SaysContinueToThoseWhoMayGoOn) {
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", key_file()});
  const std::string body = R"({"input": "a", "options": {"max_new_tokens": 1}})";
  Socket socket(server.port());
  socket.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" +
              kSecret + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send(body);
  EXPECT_EQ(status_of(socket.read_until("\r\n\r\n")), 200);
}

TEST(ServeWall, UploadsWithoutAKeyTakeNoMemory) {
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", key_file()});
  const size_t before = server.resident_bytes();
  size_t most = 0;
  std::vector<std::thread> clients;
  std::atomic<int> n_refused{0};
  for (int i = 0; i < 6; ++i)
    clients.emplace_back([&] {
      Socket socket(server.port());
      socket.send(
          "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\n"
          "Content-Length: 268435456\r\n\r\n");
      const std::string piece(1 << 20, '\0');
      for (int k = 0; k < 20; ++k) socket.send(piece);
      if (status_of(socket.read_until("\r\n\r\n")) == 401) ++n_refused;
    });
  for (int i = 0; i < 50; ++i) {
    most = std::max(most, server.resident_bytes());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (std::thread& client : clients) client.join();
  most = std::max(most, server.resident_bytes());
  EXPECT_LT(most - before, size_t{8} << 20);
  EXPECT_EQ(n_refused, 6);
}

TEST(ServeWall, BodiesShareABudget) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-in-flight-mib", "3"});
  const auto begin = [&](Socket& socket) {
    socket.send(
        "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" +
        std::string(2'000'000, 'x'));
  };
  Socket first(server.port());
  begin(first);
  EXPECT_TRUE(becomes(server.port(), "transept_bytes_in_flight", "2000000"));
  Socket second(server.port());
  begin(second);
  const std::string refused = second.read_all(10);
  EXPECT_EQ(status_of(refused), 503) << refused;
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos) << refused;
  // What is announced and not sent takes nothing.
  Socket third(server.port());
  third.send(
      "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n");
  first.send(std::string(1'000'000, 'x'));
  EXPECT_EQ(status_of(first.read_until("\r\n\r\n")), 400);  // no memory file
  EXPECT_TRUE(becomes(server.port(), "transept_bytes_in_flight", "0"));
  EXPECT_EQ(status_of(answer_to(server.port(),
                                "PUT /v1/memories/x/data HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Length: 4000000\r\n\r\n")),
            413);
}

// 20,000 texts of a client without a key.
TEST(ServeWall, FindsAKeyInABodyWithoutReadingTheRest) {
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--api-keys", key_file(), "--translate", "en:de"});
  std::string texts = R"("")";
  for (int i = 1; i < 20'000; ++i) texts += R"(,"")";
  const auto ask = [&](const std::string& rest) {
    return http(server.port(), "POST", "/translate",
                R"({"q": [)" + texts + R"(], "source": "en", "target": "de")" + rest + "}",
                "Content-Type: application/json\r\n");
  };
  const double begin = io_seconds(server);
  EXPECT_EQ(ask("").status, 401);
  EXPECT_EQ(ask(R"(, "api_key": "another-secret")").status, 401);
  EXPECT_LT(io_seconds(server) - begin, 0.05);
  EXPECT_EQ(ask(R"(, "api_key": "the-secret-of-a")").status, 413);  // 1024 texts at most
  EXPECT_EQ(
      http(server.port(), "POST", "/translate", "api_key=the-secret-of-a&source=en&target=de&q=a",
           "Content-Type: application/x-www-form-urlencoded\r\n")
          .status,
      200);
  EXPECT_EQ(http(server.port(), "POST", "/translate", "source=en&target=de&q=a",
                 kSecret + "Content-Type: application/x-www-form-urlencoded\r\n")
                .status,
            200);
}

// Whatever a message is that cannot be framed, nothing behind it is taken for a request.
TEST(ServeWall, ClosesWhatItCannotFrame) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  struct Case {
    int status;
    std::string headers;
  };
  for (const Case& c :
       std::initializer_list<Case>{{501, "Transfer-Encoding: xchunked\r\n"},
                                   {400, "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n"},
                                   {501, "Transfer-Encoding: gzip, chunked\r\n"},
                                   {501, "Transfer-Encoding: chunked, identity\r\n"},
                                   {400, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"},
                                   {400, "Content-Length: 5\r\nContent-Length: 6\r\n"},
                                   {400, "Host: localhost\r\n"}}) {
    const std::string answer =
        answer_to(server.port(), "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\n" + c.headers +
                                     "\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(answer), c.status) << c.headers << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos) << c.headers << answer;
  }
  EXPECT_EQ(status_of(answer_to(server.port(), "GET /health HTTP/1.1\r\n\r\n")), 400);
  // A body that was not read is no request either.
  const std::string smuggled = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string unread =
      answer_to(server.port(), "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                                   std::to_string(smuggled.size()) + "\r\n\r\n" + smuggled);
  EXPECT_EQ(status_of(unread), 404);
  EXPECT_EQ(unread.find("HTTP/1.1", 1), std::string::npos) << unread;
}

TEST(ServeWall, KnowsItsNamesInAnyCase) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto status = [&](const std::string& host) {
    return status_of(answer_to(
        server.port(), "GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"));
  };
  for (const char* good : {"LOCALHOST", "LocalHost:80", "127.0.0.1", "127.1.2.3:1", "[::1]:80"})
    EXPECT_EQ(status(good), 200) << good;
  for (const char* bad : {"[::1].evil", "localhost:1@evil", "localhost.evil", "evil"})
    EXPECT_EQ(status(bad) / 100, 4) << bad;
  EXPECT_EQ(status_of(answer_to(server.port(),
                                "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n"
                                "Connection: close\r\n\r\n")),
            403);
}

TEST(ServeWall, AZeroByteCutsNoMessage) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  for (const HttpResult& answer :
       {http(server.port(), "POST", "/v1/generate", R"({"memory": "a\u0000b", "prompt": "c"})"),
        http(server.port(), "GET", "/v1/memories/a%00b")}) {
    EXPECT_EQ(answer.status, 404) << answer.body;
    EXPECT_NE(answer.body.find("there is none"), std::string::npos) << answer.body;
  }
}

// The I/O thread moves bytes; reading them as JSON, tokens or numbers is done elsewhere.
TEST(ServeWall, TheIoThreadDoesNothingLong) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-body-kib", "8192", "--max-tokens",
                        "10000", "--translate", "en:de"});
  std::string words;
  while (words.size() < 4'000'000) words += "the quick brown fox ";
  std::string numbers = "5";
  for (int i = 0; i < 1'000'000; ++i) numbers += ", 5";
  std::string ids = "5";
  for (int i = 0; i < 800; ++i) ids += ",5";
  struct Case {
    std::string path;
    std::string body;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"/v1/generate", R"({"input": ")" + words + "\"}"},
           {"/v1/generate", R"({"input": "a", "prompt": ")" + words + "\"}"},
           {"/v1/generate", R"({"source_ids": [)" + numbers + "]}"},
           {"/v1/memories", R"({"text": ")" + words + "\"}"},
           {"/v1/score", R"({"input": "a", "target": ")" + words + "\"}"},
           {"/v1/completions", R"({"prompt": ")" + words + "\"}"},
           {"/v1/chat/completions",
            R"({"messages": [{"role": "user", "content": ")" + words + "\"}]}"},
           {"/v1/responses", R"({"input": ")" + words + "\"}"},
           {"/", R"({"inputs": ")" + words + "\"}"},
           {"/generate", R"({"inputs": ")" + words + "\"}"},
           {"/translate", R"({"source": "en", "target": "de", "q": ")" + words + "\"}"},
           {"/v1/explain", R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}"}}) {
    const double begin = io_seconds(server);
    const HttpResult answer = http(server.port(), "POST", c.path, c.body);
    EXPECT_GE(answer.status, 200) << c.path;
    EXPECT_LT(io_seconds(server) - begin, 0.05) << c.path << " " << answer.body.substr(0, 200);
  }
}

// Stderr is a pipe, and whoever holds it reads no more.
TEST(ServeWall, ALogThatNobodyReadsStopsNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ServerProcess server({kModel, "--memory-folder", "none"}, ends[0], ends[1]);
  const std::string path = "/nothing/" + std::string(8000, 'x');
  Socket socket(server.port());
  for (int i = 0; i < 400; ++i) {  // 3 MB
    socket.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_NE(socket.read_until("\"}}", 10), "") << i;
  }
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
  const std::string dropped = metric(server.port(), "transept_log_lines_dropped_total");
  EXPECT_GT(std::atoi(dropped.c_str()), 0);
  // Read again: the lines that were kept, and how many were not.
  std::string said;
  std::string piece(1 << 16, '\0');
  while (said.find("log lines were dropped") == std::string::npos) {
    const ssize_t n = ::read(ends[0], piece.data(), piece.size());
    ASSERT_GT(n, 0);
    said.append(piece, 0, static_cast<size_t>(n));
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  ::close(ends[0]);
}

TEST(ServeWall, EndsThoughNobodyReadsTheLog) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ServerProcess server({kModel, "--memory-folder", "none"}, ends[0], ends[1]);
  Socket socket(server.port());
  for (int i = 0; i < 40; ++i) {
    socket.send("GET /nothing/" + std::string(8000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)socket.read_until("\"}}", 10);
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  ::close(ends[0]);
}

TEST(ServeWall, ClientsThatReadNothingShareABudget) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-in-flight-mib", "64"});
  std::string ids = "5";
  for (int i = 0; i < 450; ++i) ids += ", 5";
  const std::string body = R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}";
  const size_t before = server.resident_bytes();
  std::vector<std::unique_ptr<Socket>> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<Socket>(server.port()));
    sockets.back()->send(request_text("/v1/explain", body));
  }
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
  size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    most = std::max(most, server.resident_bytes());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LT(most - before, size_t{160} << 20);
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
}

TEST(ServeWall, ReadsKeysAgain) {
  const std::string keys = key_file("wall-keys-again");
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", keys});
  const auto status = [&](const std::string& secret) {
    return http(server.port(), "GET", "/v1/memories", "",
                "Authorization: Bearer " + secret + "\r\n")
        .status;
  };
  const auto becomes_status = [&](const std::string& secret, int wanted) {
    for (int i = 0; i < 200 && status(secret) != wanted; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    return status(secret) == wanted;
  };
  EXPECT_EQ(status("the-secret-of-b"), 401);
  write(keys, "b the-secret-of-b\n");
  server.signal(SIGHUP);
  EXPECT_TRUE(becomes_status("the-secret-of-b", 200));
  EXPECT_EQ(status("the-secret-of-a"), 401);
  write(keys, "b short\n");  // wrong: said, and nothing changes
  server.signal(SIGHUP);
  for (int i = 0; i < 200 && server.log().find("stay as they were") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_NE(server.log().find("the API keys stay as they were"), std::string::npos);
  EXPECT_EQ(status("the-secret-of-b"), 200);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(ServeWall, RefusesOptionsThatWouldBreakTheWall) {
  for (const char* origin : {"http://a\r\nX: y", "http://a b", "a", "http://\xc3\xa4"}) {
    const Result result = transept({"serve", kModel, "--cors-origin", origin});
    EXPECT_EQ(result.code, 2) << origin;
    EXPECT_NE(result.err.find("--cors-origin"), std::string::npos) << result.err;
  }
  const Result endless = transept({"serve", kModel, "--api-keys", "/dev/zero"});
  EXPECT_EQ(endless.code, 65);
  EXPECT_NE(endless.err.find("/dev/zero"), std::string::npos) << endless.err;
}

}  // namespace
}  // namespace transept::testing
