// Whatever runs can be stopped, and nobody is held up by what others ask. Counted in processor time
// of the server, of which a machine with company gives less in a second, but no other amount.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

std::string ids(int n, const std::string& id = "5") {
  std::string text = id;
  for (int i = 1; i < n; ++i) text += "," + id;
  return text;
}

// Each would take minutes of processor time.
const std::vector<std::pair<std::string, std::string>> kEndless = {
    {"/v1/memories", R"({"ids": [)" + ids(150'000) + "]}"},
    {"/v1/generate", R"({"source_ids": [5], "prompt_ids": [)" + ids(150'000) + "]}"},
    {"/v1/score", R"({"source_ids": [5], "target_ids": [)" + ids(150'000) + "]}"},
    {"/v1/occlusion",
     R"({"source_ids": [)" + ids(1000) + R"(], "output_ids": [)" + ids(2000) + "]}"},
    {"/v1/beams",
     R"({"source_ids": [5], "options": {"beams": 16, "max_new_tokens": 100}, "prompt_ids": [)" +
         ids(150'000) + "]}"},
};

std::vector<std::string> without_limits(std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      kModel,    "--memory-folder", "none",     "--threads", "1", "--max-source-tokens",
      "1000000", "--max-tokens",    "100000000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The server soon computes nothing any more.
bool comes_to_rest(const ServerProcess& server) {
  for (int i = 0; i < 40; ++i) {
    const double before = server.processor_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    if (server.processor_seconds() - before < 0.02) return true;
  }
  return false;
}

TEST(ServeStop, ADeadlineEndsWhateverRuns) {
  ServerProcess server(without_limits({"--deadline-ms", "1000"}));
  for (const auto& [path, body] : kEndless) {
    SCOPED_TRACE(path);
    EXPECT_EQ(http(server.port(), "POST", path, body).status, 504);
    const double begin = server.processor_seconds();
    EXPECT_EQ(http(server.port(), "POST", "/v1/generate", R"({"input": "a"})").status, 200);
    EXPECT_LT(server.processor_seconds() - begin, 1) << "nothing goes on behind it";
  }
}

TEST(ServeStop, WhoLeavesEndsWhateverRuns) {
  ServerProcess server(without_limits({}));
  for (const auto& [path, body] : kEndless) {
    SCOPED_TRACE(path);
    {
      const Socket socket(server.port());
      socket.send(request_text(path, body));
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
    }
    const double begin = server.processor_seconds();
    EXPECT_TRUE(comes_to_rest(server));
    EXPECT_LT(server.processor_seconds() - begin, 2);
  }
}

TEST(ServeStop, ASignalEndsWhateverRuns) {
  for (const auto& [path, body] : kEndless) {
    SCOPED_TRACE(path);
    ServerProcess server(without_limits({"--drain-ms", "100"}));
    Socket socket(server.port());
    socket.send(request_text(path, body));
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    const double begin = server.processor_seconds();
    server.signal(SIGTERM);
    EXPECT_TRUE(socket.read_until("\r\n\r\n", 60).starts_with("HTTP/1.1 503"));
    EXPECT_LT(server.processor_seconds() - begin, 2);
    EXPECT_EQ(server.wait(), 0);
  }
}

// Short questions are answered while a long one is being read: encoded, decoded, scored.
TEST(ServeStop, WhatIsShortDoesNotWaitForWhatIsLong) {
  ServerProcess server(without_limits({}));
  const auto seconds_of = [&](const std::string& path, const std::string& body) {
    const double begin = server.processor_seconds();
    EXPECT_EQ(http(server.port(), "POST", path, body).status, 200);
    return server.processor_seconds() - begin;
  };
  for (const auto& [path, body] : kEndless) {
    SCOPED_TRACE(path);
    Socket socket(server.port());
    socket.send(request_text(path, body));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    int n = 5;  // new inputs every time
    for (const char* short_path : {"/v1/generate", "/v1/score"}) {
      const std::string input =
          R"({"source_ids": [)" + ids(40, std::to_string(n++)) + "]" +
          (std::string(short_path) == "/v1/score" ? R"(, "target_ids": [7]})" : "}");
      EXPECT_LT(seconds_of(short_path, input), 1) << short_path;
    }
    EXPECT_TRUE(socket.read_until("HTTP", 0.05).empty()) << "the long one still runs";
    socket.close();
    EXPECT_TRUE(comes_to_rest(server));
  }
}

// The processor time that passes while a small request waits, beside a search with 1024 beams.
TEST(ServeStop, ASmallRequestDoesNotWaitForManyBeams) {
  ServerProcess server(without_limits({"--max-beams", "1024"}));
  const std::string small = R"({"input": "The dog sleeps", "options": {"max_new_tokens": 20,
                                "min_new_tokens": 20}})";
  const auto cost = [&] {
    double least = 1e9;
    for (int i = 0; i < 7; ++i) {
      const double begin = server.processor_seconds();
      EXPECT_EQ(http(server.port(), "POST", "/v1/generate", small).status, 200);
      least = std::min(least, server.processor_seconds() - begin);
    }
    return least;
  };
  const double alone = cost();
  Socket wide(server.port());
  wide.send(request_text("/v1/generate", R"({"input": "The fox jumped", "options": {"beams": 1024,
    "max_new_tokens": 400, "min_new_tokens": 400, "early_stopping": "never"}})"));
  EXPECT_TRUE(becomes(server.port(), kActive, "1"));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(cost(), 10 * alone) << alone << " s alone";
  EXPECT_EQ(metric(server.port(), kActive), "1");
}

// Keys share alike whatever the number of their requests: one asks much, the other little.
TEST(ServeStop, KeysShareAlike) {
  const std::string keys = scratch("shared-keys");
  write(keys, "many many-secret\nfew few-secret\n");
  ServerProcess server(without_limits({"--api-keys", keys, "--batch-size", "4"}));
  const auto request = [&](const std::string& key, int tokens) {
    const std::string body = R"({"input": "The dog sleeps", "options": {"max_new_tokens": )" +
                             std::to_string(tokens) + R"(, "min_new_tokens": )" +
                             std::to_string(tokens) + "}}";
    return "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  std::vector<std::unique_ptr<Socket>> many;
  for (int i = 0; i < 40; ++i) {
    many.push_back(std::make_unique<Socket>(server.port()));
    many.back()->send(request("many-secret", 3000));
  }
  EXPECT_TRUE(becomes(server.port(), kActive, "4"));
  Socket few(server.port());
  few.send(request("few-secret", 50));
  EXPECT_TRUE(few.read_until("\r\n\r\n", 60).starts_with("HTTP/1.1 200"));
  EXPECT_GE(std::stoi(metric(server.port(), "transept_queue{model=\"tiny-t5-text\"}")), 20)
      << "it went past those who waited before it";
}

TEST(ServeStop, SaysWhatItDoesNotTake) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto refused = [&](const std::string& path, const std::string& body,
                           const std::string& words) {
    const HttpResult answer = http(server.port(), "POST", path, body);
    EXPECT_EQ(answer.status, 413) << path << " " << answer.body;
    EXPECT_NE(answer.body.find(words), std::string::npos) << answer.body;
  };
  const std::string many = ids(8193);
  std::string words = "a";
  for (int i = 0; i < 9000; ++i) words += " a";
  refused("/v1/memories", R"({"ids": [)" + many + "]}", "at most 8192");
  refused("/v1/memories", R"({"text": ")" + words + "\"}", "8192");
  refused("/v1/generate", R"({"input": ")" + words + "\"}", "8192");
  refused("/v1/generate", R"({"source_ids": [5], "prompt_ids": [)" + many + "]}", "8192");
  refused("/v1/score", R"({"source_ids": [5], "target_ids": [)" + many + "]}", "8192");
  refused("/v1/occlusion", R"({"source_ids": [)" + ids(1025) + R"(], "output_ids": [5]})", "1024");
  refused("/", R"({"inputs": ")" + words + "\"}", "8192");
  refused("/v1/completions", R"({"prompt": ")" + words + "\"}", "8192");
  refused("/v1/generate", R"({"input": "a", "options": {"beams": 65}})", "--max-beams");
  refused("/v1/generate", R"({"input": "a", "options": {"sample": true, "n_best": 65}})",
          "--max-beams");
  refused("/v1/completions", R"({"prompt": "a", "n": 65})", "--max-beams");
  refused("/", R"({"inputs": "a", "parameters": {"num_beams": 65}})", "--max-beams");
}

// What a key may not have is refused before anything is done for it.
TEST(ServeStop, AdmitsBeforeItWorks) {
  const std::string keys = scratch("small-key");
  write(keys, "small small-secret tokens_per_minute=1000\n");
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", keys});
  const std::string key = "Authorization: Bearer small-secret\r\n";
  for (const auto& [path, rest] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/occlusion", R"(, "output_ids": [5, 6, 7, 8, 9, 10]})"},
           {"/v1/explain", R"(, "output_ids": [)" + ids(600) + "]}"},
           {"/v1/score", R"(, "target_ids": [)" + ids(700) + "]}"},
           {"/v1/beams", R"(, "options": {"beams": 10, "max_new_tokens": 100}})"},
           {"/v1/generate", R"(, "options": {"max_new_tokens": 900}})"}}) {
    for (int i = 0; i < 5; ++i) {
      const std::string body = R"({"source_ids": [)" + ids(400, std::to_string(5 + i)) + "]" + rest;
      EXPECT_EQ(http(server.port(), "POST", path, body, key).status, 413) << path;
    }
  }
  EXPECT_EQ(metric(server.port(), "transept_encoder_runs_total{model=\"tiny-t5-text\"}"), "0");
}

}  // namespace
}  // namespace transept::testing
