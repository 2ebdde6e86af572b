// The server under pressure: nonsense, leavers, limits, load.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

TEST(ServePressure, BoundsWhatIsKeptAndExplained) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  std::string keep = "[0, 3]";
  for (int i = 0; i < 1000; ++i) keep += ", [0, 3]";
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate",
                 R"({"source_ids": [5, 8, 1], "keep": [)" + keep + "]}")
                .status,
            400);
  std::string ids = "5";
  for (int i = 0; i < 3000; ++i) ids += ", 5";
  EXPECT_EQ(http(server.port(), "POST", "/v1/explain",
                 R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}")
                .status,
            413);
}

TEST(ServePressure, AnswersNonsenseWithItsStatus) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-body-kib", "64"});
  const auto post = [&](const std::string& body) {
    return http(server.port(), "POST", "/v1/generate", body).status;
  };
  EXPECT_EQ(post("{"), 400);
  EXPECT_EQ(post("[]"), 400);
  EXPECT_EQ(post(R"({"input": "a", "unknown": 1})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "memory": "b"})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "options": {"beams": 0}})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "options": {"beams": "x"}})"), 400);
  EXPECT_EQ(post("{\"input\": \"\xff\"}"), 400);
  EXPECT_EQ(post(R"({"source_ids": [99999]})"), 400);
  EXPECT_EQ(post(R"({"model": "other", "input": "a"})"), 404);
  EXPECT_EQ(post(R"({"memory": "0123"})"), 404);
  EXPECT_EQ(post(std::string(400, '[')), 400);  // deeper than a reader goes
  EXPECT_EQ(post(R"({"input": ")" + std::string(100'000, 'a') + "\"}"), 413);
  EXPECT_EQ(http(server.port(), "PATCH", "/v1/generate").status, 405);
  EXPECT_EQ(http(server.port(), "GET", "/%zz").status, 400);
  for (const std::string& garbage :
       {std::string("\0\1\2\3\r\n\r\n", 8), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"}) {
    Socket socket(server.port());
    socket.send(garbage);
    const std::string answer = socket.read_all(10);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 505")) << answer;
    EXPECT_TRUE(socket.at_end());
  }
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
}

TEST(ServePressure, StopsTheWorkOfAClientThatLeaves) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  for (const bool streams : {true, false}) {
    std::string body = kLong;
    if (!streams) body.replace(body.find("true"), 4, "false");
    Socket socket(server.port());
    socket.send(request_text("/v1/generate", body));
    EXPECT_TRUE(becomes(server.port(), kActive, "1"));
    socket.close();
    EXPECT_TRUE(becomes(server.port(), kActive, "0"));
  }
}

TEST(ServePressure, HoldsDeadlines) {
  ServerProcess server({kModel, "--memory-folder", "none", "--deadline-ms", "100"});
  std::string body = kLong;
  body.replace(body.find("true"), 4, "false");
  const HttpResult late = http(server.port(), "POST", "/v1/generate", body);
  EXPECT_EQ(late.status, 504) << late.body;
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
}

// The second waits behind the first: both have had their time when they get it.
TEST(ServePressure, HoldsDeadlinesOfThoseThatWait) {
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--deadline-ms", "500", "--batch-size", "1"});
  std::string body = kLong;
  body.replace(body.find("true"), 4, "false");
  body.replace(body.find("\"max_new"), 0, "\"beams\": 8, ");  // far more than it has time for
  Socket first(server.port());
  Socket second(server.port());
  first.send(request_text("/v1/generate", body));
  second.send(request_text("/v1/generate", body));
  EXPECT_TRUE(becomes(server.port(), "transept_queue{model=\"tiny-t5-text\"}", "1"));
  EXPECT_TRUE(first.read_until("\r\n\r\n").starts_with("HTTP/1.1 504"));
  EXPECT_TRUE(second.read_until("\r\n\r\n").starts_with("HTTP/1.1 504"));
  EXPECT_TRUE(becomes(server.port(), "transept_queue{model=\"tiny-t5-text\"}", "0"));
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
}

// Slow-loris: never idle, never done.
TEST(ServePressure, ClosesAConnectionThatDrips) {
  ServerProcess server({kModel, "--memory-folder", "none", "--header-timeout-ms", "300"});
  Socket drips(server.port());
  drips.send("GET /health HTTP/1.1\r\nX: ");
  std::string answer;
  for (int i = 0; i < 200 && !drips.at_end(); ++i) {
    drips.send("x");
    answer += drips.read_all(0.05);
  }
  EXPECT_TRUE(drips.at_end());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408")) << answer;
}

TEST(ServePressure, ClosesSlowAndIdleConnections) {
  ServerProcess server({kModel, "--memory-folder", "none", "--header-timeout-ms", "200",
                        "--body-timeout-ms", "200", "--idle-timeout-ms", "200"});
  for (const char* begin :
       {"", "GET / HT",
        "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"}) {
    Socket socket(server.port());
    socket.send(begin);
    const std::string answer = socket.read_all(5);
    EXPECT_TRUE(socket.at_end()) << begin;
    EXPECT_EQ(answer.starts_with("HTTP/1.1 408"), *begin != '\0') << begin;
  }
}

TEST(ServePressure, BoundsConnections) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-connections", "2"});
  const Socket one(server.port());
  Socket two(server.port());
  two.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(two.read_until("alive").find("200 OK"), std::string::npos);
  Socket three(server.port());
  EXPECT_TRUE(three.read_all(5).starts_with("HTTP/1.1 503"));
}

TEST(ServePressure, AdmitsByTokens) {
  const std::string keys = scratch("keys");
  write(keys,
        "# who may ask\nsmall small-secret tokens_per_minute=60\nlarge large-secret\n"
        "single single-secret concurrent=1\n");
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--api-keys", keys, "--max-tokens", "4100"});
  const auto ask = [&](const std::string& key, const std::string& body) {
    return http(server.port(), "POST", "/v1/generate", body,
                "Authorization: Bearer " + key + "\r\n");
  };
  const std::string small = R"({"input": "The dog sleeps", "options": {"max_new_tokens": 30}})";
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", small).status, 401);
  EXPECT_EQ(ask("small-secreT", small).status, 401);
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
  EXPECT_EQ(ask("small-secret", small).status, 200);
  const HttpResult refused = ask("small-secret", small);
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.headers.find("Retry-After: "), std::string::npos);
  Socket busy(server.port());
  busy.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
      "single-secret\r\nContent-Length: " +
      std::to_string(kLong.size()) + "\r\n\r\n" + kLong);
  EXPECT_TRUE(becomes(server.port(), kActive, "1"));
  EXPECT_EQ(ask("single-secret", small).status, 429);
  std::string large = kLong;
  large.replace(large.find("true"), 4, "false");
  const HttpResult full = ask("large-secret", large);
  EXPECT_EQ(full.status, 503);
  EXPECT_NE(full.headers.find("Retry-After: "), std::string::npos);
}

// An answer of some megabytes: more than the sockets hold.
std::string huge_request() {
  std::string ids = "5";
  for (int i = 0; i < 500; ++i) ids += ", 5";
  return request_text("/v1/explain",
                      R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}");
}

TEST(ServePressure, ASlowReaderPausesOnlyItself) {
  ServerProcess server({kModel, "--memory-folder", "none", "--threads", "1"});
  Socket slow(server.port());
  slow.send(huge_request());
  const std::string head = slow.read_until("\r\n\r\n", 30);  // and takes no more for now
  ASSERT_TRUE(head.starts_with("HTTP/1.1 200")) << head;
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(http(server.port(), "POST", "/v1/generate", R"({"input": "a"})").status, 200);
  EXPECT_FALSE(slow.at_end());
  EXPECT_TRUE((head + slow.read_until("}\n\n\n", 3)).ends_with("}"));
}

// More than the sockets hold, to a client that takes none of it.
TEST(ServePressure, CutsOffAReaderThatTakesNothing) {
  ServerProcess server({kModel, "--memory-folder", "none", "--write-timeout-ms", "300"});
  const Socket slow(server.port());
  slow.send(huge_request());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(becomes(server.port(), "transept_connections", "2"));  // it and the one that asks
  EXPECT_TRUE(becomes(server.port(), "transept_connections", "1"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(ServePressure, DrainsWhenItIsTold) {
  for (const bool patient : {true, false}) {
    ServerProcess server({kModel, "--memory-folder", "none", "--threads", "1", "--drain-ms",
                          patient ? "60000" : "50"});
    Socket idle(server.port());
    Socket socket(server.port());
    std::string body = kLong;
    if (!patient) body.replace(body.find("true"), 4, "false");
    socket.send(request_text("/v1/generate", body));
    EXPECT_TRUE(becomes(server.port(), kActive, "1"));
    server.signal(SIGTERM);
    idle.read_all(5);
    EXPECT_TRUE(idle.at_end());
    const std::string answer = socket.read_all(60);
    EXPECT_EQ(answer.find("\"done\":true") != std::string::npos, patient);
    EXPECT_EQ(answer.starts_with("HTTP/1.1 503"), !patient) << answer.substr(0, 200);
    EXPECT_EQ(server.wait(), 0);
  }
}

TEST(ServePressure, CancelsWhenItIsToldTwice) {
  ServerProcess server({kModel, "--memory-folder", "none", "--drain-ms", "60000"});
  std::string body = kLong;
  body.replace(body.find("true"), 4, "false");
  std::vector<std::unique_ptr<Socket>> sockets;  // longer than it takes to say it twice
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<Socket>(server.port()));
    sockets.back()->send(request_text("/v1/generate", body));
  }
  EXPECT_TRUE(becomes(server.port(), kActive, "20"));
  server.signal(SIGTERM);
  EXPECT_TRUE(sockets[0]->read_until("never", 0.05).empty());  // it drains
  server.signal(SIGTERM);
  for (const auto& socket : sockets) EXPECT_TRUE(socket->read_all(30).starts_with("HTTP/1.1 503"));
  EXPECT_EQ(server.wait(), 0);
}

TEST(ServePressure, TurnsAwayPagesOfOtherOrigins) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto status = [&](const std::string& headers) {
    return http(server.port(), "GET", "/v1/memories", "", headers).status;
  };
  EXPECT_EQ(status("Origin: http://localhost\r\n"), 200);
  EXPECT_EQ(status("Origin: http://evil.example\r\n"), 403);
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories").headers.find("Access-Control"),
            std::string::npos);
  for (const char* host : {"evil.example", "127.evil.example"}) {
    Socket socket(server.port());
    socket.send("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_TRUE(socket.read_until("\r\n\r\n").starts_with("HTTP/1.1 403")) << host;
  }
}

TEST(ServePressure, LetsPagesOfTheGivenOriginAsk) {
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--cors-origin", "http://friend.example"});
  const std::string allowed = "Access-Control-Allow-Origin: http://friend.example\r\n";
  for (const char* method : {"OPTIONS", "GET"}) {
    const HttpResult answer =
        http(server.port(), method, "/v1/memories", "", "Origin: http://friend.example\r\n");
    EXPECT_EQ(answer.status, *method == 'O' ? 204 : 200);
    const size_t first = answer.headers.find(allowed);
    EXPECT_NE(first, std::string::npos) << answer.headers;
    EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin", first + 1), std::string::npos)
        << "browsers refuse two";
  }
}

TEST(ServeLoad, GivesEveryClientWhatItWouldGetAlone) {
  ServerProcess server({kModel, "--memory-folder", "none", "--batch-size", "16"});
  std::vector<std::string> bodies;
  for (int i = 0; i < 20; ++i) {
    std::string ids;
    for (int k = 0; k <= i * 3; ++k) ids += std::to_string(3 + (i * 7 + k * 13) % 150) + ", ";
    bodies.push_back(R"({"source_ids": [)" + ids + R"(1], "options": {"beams": )" +
                     std::to_string(1 + i % 3) + R"(, "max_new_tokens": )" +
                     std::to_string(5 + i * 4) + "}}");
  }
  std::vector<std::string> alone;
  for (const std::string& body : bodies)
    alone.push_back(hypotheses_of(http(server.port(), "POST", "/v1/generate", body)));
  std::atomic<int> wrong{0};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 200; ++client) {
    clients.emplace_back([&, client] {
      for (int round = 0; round < 2; ++round) {
        const size_t i = static_cast<size_t>(client * 3 + round) % bodies.size();
        if (client % 10 == 9) {  // leaves, or sends garbage
          Socket socket(server.port());
          socket.send(round == 0 ? request_text("/v1/generate", bodies[i]) : "garbage\r\n\r\n");
          continue;
        }
        const HttpResult result = http(server.port(), "POST", "/v1/generate", bodies[i]);
        ++answered;
        if (result.status != 200 || hypotheses_of(result) != alone[i]) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 360);
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
  EXPECT_EQ(metric(server.port(), "transept_admitted_tokens"), "0");
}

}  // namespace
}  // namespace transept::testing
