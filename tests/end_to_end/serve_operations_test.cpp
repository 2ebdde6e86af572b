// The server as the people who run it meet it: several models, its log, where it listens, what it
// holds on to.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

std::string made_of(int port, const std::string& body) {
  const HttpResult made = http(port, "POST", "/v1/memories", body);
  EXPECT_EQ(made.status, 201) << made.body;
  return text_of(made, "id");
}

TEST(ServeOperations, ServesSeveralModels) {
  ServerProcess server({kModel, model("marian"), "--memory-folder", "none"});
  EXPECT_NE(http(server.port(), "GET", "/v1/models/marian").status, 404);
  const std::string first = made_of(server.port(), R"({"ids": [5, 8, 1]})");
  const std::string second = made_of(server.port(), R"({"ids": [5, 8, 1], "model": "marian"})");
  EXPECT_NE(first, second) << "the id tells the models apart";
  // A memory is asked by the model that made it, whether that is named or not.
  for (const char* named : {"", R"(, "model": "marian")"}) {
    const HttpResult answer = http(server.port(), "POST", "/v1/generate",
                                   R"({"memory": ")" + second + "\"" + named + "}");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_of(answer, "model"), "marian");
    EXPECT_EQ(number_of(answer, "encoder_runs"), 0);
  }
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate",
                 R"({"model": "tiny-t5-text", "memory": ")" + second + "\"}")
                .status,
            409);
  const auto join = [&](const std::string& ids) {
    return http(server.port(), "POST", "/v1/memories/concat", R"({"memories": [)" + ids + "]}")
        .status;
  };
  EXPECT_EQ(join("\"" + first + "\", \"" + second + "\""), 409);
  EXPECT_EQ(join("\"" + first + "\", \"0123\""), 404);
  EXPECT_EQ(join(""), 400);
  EXPECT_EQ(join("\"" + second + "\", \"" + second + "\""), 201);
  EXPECT_EQ(metric(server.port(), "transept_encoder_runs_total{model=\"marian\"}"), "1");
}

// An id hangs on the model, its tokenizer and the source ids, and on nothing else.
TEST(ServeOperations, NamesAMemoryAfterAllThatItDependsOn) {
  const std::string twin = scratch("tiny-t5-text");
  std::filesystem::copy(kModel, twin);
  const std::string body = R"({"ids": [5, 8, 1]})";
  const auto id_with = [&](const std::string& folder, const std::string& of) {
    ServerProcess server({folder, "--memory-folder", "none"});
    return made_of(server.port(), of);
  };
  const std::string id = id_with(kModel, body);
  EXPECT_EQ(id_with(twin, body), id);
  EXPECT_NE(id_with(twin, R"({"ids": [8, 5, 1]})"), id);
  std::string tokenizer = read(twin + "/tokenizer.json");
  const std::string piece = "[\"\u2581th\"";
  ASSERT_NE(tokenizer.find(piece), std::string::npos);
  tokenizer.replace(tokenizer.find(piece), piece.size(), "[\"+th\"");
  write(twin + "/tokenizer.json", tokenizer);
  const std::string other_tokenizer = id_with(twin, body);
  EXPECT_NE(other_tokenizer, id);
  std::string weights = read(twin + "/model.safetensors");
  weights[weights.size() - 2] ^= 1;
  write(twin + "/model.safetensors", weights);
  EXPECT_NE(id_with(twin, body), other_tokenizer);
}

TEST(ServeOperations, TakesNoDataThatIsNotWhatItSays) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const std::string id = made_of(server.port(), kFox);
  const std::string path = "/v1/memories/" + id + "/data";
  const std::string data = http(server.port(), "GET", path).body;
  EXPECT_EQ(http(server.port(), "DELETE", "/v1/memories/" + id).status, 204);
  const auto put = [&](const std::string& bytes) {
    return http(server.port(), "PUT", path, bytes).status;
  };
  std::string changed = data;
  const std::string name = "\"fingerprint\":\"";
  const size_t digits = changed.find(name) + name.size();
  ASSERT_GT(digits, name.size());
  changed[digits] = changed[digits] == '0' ? '1' : '0';
  EXPECT_EQ(put(changed), 409) << "another model's";
  const size_t header =
      8 + static_cast<unsigned char>(data[0]) + 256 * static_cast<unsigned char>(data[1]);
  changed = data;
  for (size_t i = header; i < data.size(); ++i) changed[i] = '\xff';
  EXPECT_EQ(put(changed), 400) << "numbers that are none";
  EXPECT_EQ(put(data + "\n"), 400) << "more than it says";
  EXPECT_EQ(put(data.substr(0, data.size() - 1)), 400) << "less";
  EXPECT_EQ(put(""), 400);
  for (size_t i = 0; i < header; i += 7) {
    changed = data;
    changed[i] = '\x01';
    EXPECT_GE(put(changed), 400) << "byte " << i << " of the header";
  }
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id).status, 404);
  EXPECT_EQ(put(data), 201);
  // The same id with other numbers.
  changed = data;
  changed[data.size() / 2] ^= 1;
  EXPECT_GE(put(changed), 400);
}

TEST(ServeOperations, LogsEveryRequestWithItsTrace) {
  const std::string keys = scratch("log-keys");
  write(keys, "reader reader-secret\n");
  ServerProcess server({kModel, "--memory-folder", "none", "--api-keys", keys});
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const HttpResult answer = http(server.port(), "POST", "/v1/generate", R"({"input": "a"})",
                                 "Authorization: Bearer reader-secret\r\ntraceparent: 00-" + trace +
                                     "-00f067aa0ba902b7-01\r\n");
  EXPECT_NE(answer.headers.find("traceparent: 00-" + trace), std::string::npos) << answer.headers;
  EXPECT_EQ(http(server.port(), "GET", "/nowhere").status, 404);
  int found = 0;
  for (int i = 0; i < 100 && found < 2; ++i) {  // a line may come after its answer
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    found = 0;
    const std::string log = server.log();
    EXPECT_EQ(log.find("reader-secret"), std::string::npos);
    for (const std::string& line : lines(log.substr(0, log.rfind('\n') + 1))) {
      const JsonDocument entry = JsonDocument::parse(line, "a line of the log");
      const std::string path = entry.root().get("path", "");
      if (path == "/v1/generate") {
        EXPECT_EQ(entry.root().get("traceparent", "").substr(3, 32), trace);
        EXPECT_EQ(entry.root().get("key", ""), "reader");
        EXPECT_EQ(entry.root().at("status").as_int(), 200);
        ++found;
      } else if (path == "/nowhere") {
        EXPECT_EQ(entry.root().get("traceparent", "").size(), 55U);
        ++found;
      }
    }
  }
  EXPECT_EQ(found, 2) << server.log();
}

TEST(ServeOperations, LogsAsTextWhenAsked) {
  ServerProcess server({kModel, "--memory-folder", "none", "--format", "text"});
  EXPECT_EQ(http(server.port(), "GET", "/nowhere").status, 404);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  const std::vector<std::string> log = lines(server.log());
  EXPECT_EQ(log.at(0), "info listening url=http://127.0.0.1:" + std::to_string(server.port()));
  EXPECT_NE(log.at(1).find(" info request method=GET path=/nowhere "), std::string::npos) << log[1];
  EXPECT_NE(log.at(1).find(" status=404 "), std::string::npos) << log[1];
  EXPECT_EQ(log.back(), "info stopped");
}

// What a server started with those options answers, which the command with the same ones answers
// too: its log-probability. `id` becomes that of the memory which it answered from.
double answered_alike(const std::vector<std::string>& options, std::string& id) {
  std::vector<std::string> started = {kModel, "--memory-folder", "none"};
  std::vector<std::string> asked = {"generate", kModel,
                                    "--format", "jsonl",
                                    "--input",  "The quick brown fox jumped over the lazy dog"};
  started.insert(started.end(), options.begin(), options.end());
  asked.insert(asked.end(), options.begin(), options.end());
  ServerProcess server(started);
  id = made_of(server.port(), kFox);
  const HttpResult answer =
      http(server.port(), "POST", "/v1/generate", R"({"memory": ")" + id + "\"}");
  const JsonDocument document = JsonDocument::parse(answer.body, "answer");
  const double logprob = document.root().at("hypotheses").elements()[0].at("logprob").as_number();
  const Result command = transept(asked);
  EXPECT_EQ(logprob, JsonDocument::parse(command.out, "answer").root().at("logprob").as_number())
      << options.back();
  return logprob;
}

// And memories that the model does not take in another form.
TEST(ServeOperations, StoresMatricesAsAsked) {
  std::string ids[3];
  const char* dtypes[] = {"f32", "int8", "int4"};
  double logprobs[3];
  for (int i = 0; i < 3; ++i) logprobs[i] = answered_alike({"--dtype", dtypes[i]}, ids[i]);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(logprobs[i], logprobs[(i + 1) % 3]);
    EXPECT_NE(ids[i], ids[(i + 1) % 3]);
  }
}

// And one memory, whatever its keys and values are kept as.
TEST(ServeOperations, KeepsKeysAndValuesAsAsked) {
  std::set<std::string> ids;
  std::set<double> logprobs;
  for (const char* keys : {"f32", "bf16", "int8"}) {
    std::string id;
    logprobs.insert(answered_alike({"--keys", keys}, id));
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(logprobs.size(), 3U);
}

// Whoever does not say more is heard by this machine alone.
TEST(ServeOperations, ListensOnThisMachineOnly) {
  const auto addresses = [](int port) {
    std::set<std::string> found;
    char wanted[8];
    (void)std::snprintf(wanted, sizeof wanted, ":%04X", static_cast<unsigned>(port));
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
      for (const std::string& line : lines(read(table))) {
        const size_t at = line.find(std::string(wanted) + " 00000000");  // of nobody: it listens
        if (at == std::string::npos || line.find(" 0A ") == std::string::npos) continue;
        found.insert(line.substr(line.find(": ") + 2, at - line.find(": ") - 2));
      }
    }
    return found;
  };
  const ServerProcess shy({kModel, "--memory-folder", "none"});
  EXPECT_EQ(addresses(shy.port()), std::set<std::string>{"0100007F"});
  const ServerProcess open({kModel, "--memory-folder", "none", "--host", "0.0.0.0"});
  EXPECT_EQ(addresses(open.port()), std::set<std::string>{"00000000"});
}

TEST(ServeOperations, KeepsTheDiskWithinItsLimit) {
  ServerProcess server({kModel, "--memory-folder", scratch("small-disk"), "--memory-mib", "0",
                        "--memory-disk-mib", "1", "--threads", "1"});
  const auto body = [](int i) {
    std::string ids;
    for (int k = 0; k < 800; ++k) ids += std::to_string(3 + (i * 31 + k) % 150) + ", ";
    return R"({"ids": [)" + ids + "1]}";
  };
  const std::string first = made_of(server.port(), body(0));
  const std::string second = made_of(server.port(), body(1));
  for (int i = 2; i < 20; ++i) {
    made_of(server.port(), body(i));
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + first).status, 200) << i;  // in use
  }
  EXPECT_LE(std::stoll(metric(server.port(), "transept_memory_bytes{in=\"disk\"}")), 1 << 20);
  EXPECT_NE(metric(server.port(), "transept_memory_evictions_total{from=\"disk\"}"), "0");
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + second).status, 404);
}

// Streams, beams and plain answers are stepped together.
TEST(ServeOperations, BatchesWhateverIsAsked) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  std::string plain = kLong;
  plain.replace(plain.find("true"), 4, "false");
  std::string beams = plain;
  beams.replace(beams.find("\"max_new"), 0, "\"beams\": 2, ");
  std::array<Socket, 3> sockets{Socket(server.port()), Socket(server.port()),
                                Socket(server.port())};
  sockets[0].send(request_text("/v1/generate", kLong));
  sockets[1].send(request_text("/v1/generate", plain));
  sockets[2].send(request_text("/v1/generate", beams));
  EXPECT_TRUE(becomes(server.port(), kActive, "3"));
  const std::string name = "transept_batch_size_";
  const std::string label = "{model=\"tiny-t5-text\"";
  const auto three_at_once = [&] {
    const std::string all = metric(server.port(), name + "count" + label + "}");
    return std::stoll(metric(server.port(), name + "bucket" + label + ",le=\"2\"}")) <
           std::stoll(all);
  };
  bool seen = false;
  for (int i = 0; i < 200 && !seen; ++i) {
    seen = three_at_once();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(seen);
}

// What a busy time needed is given back after it.
TEST(ServeOperations, GivesMemoryBackAfterALoad) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer keeps what was freed";
#endif
  // The embedded model.
  ServerProcess server({"--memory-folder", "none", "--memory-mib", "1", "--threads", "1"});
  const auto busy = [&] {
    std::vector<std::thread> clients;
    for (int client = 0; client < 12; ++client) {
      clients.emplace_back([&server, client] {
        std::string ids = std::to_string(3 + client);
        for (int k = 0; k < 200; ++k) ids += ", " + std::to_string(300 + client * 7 + k);
        const HttpResult result = http(
            server.port(), "POST", "/v1/generate",
            R"({"source_ids": [)" + ids + R"(], "options": {"beams": 4, "max_new_tokens": 2}})");
        EXPECT_EQ(result.status, 200) << result.body;
      });
    }
    for (std::thread& client : clients) client.join();
  };
  const auto falls_to = [&](size_t bytes) {
    for (int i = 0; i < 200 && server.resident_bytes() > bytes; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return server.resident_bytes() <= bytes;
  };
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", R"({"source_ids": [5, 1]})").status, 200);
  const size_t before = server.resident_bytes();
  constexpr size_t kBound = size_t{12} << 20;
  for (int round = 0; round < 2; ++round) {
    busy();
    EXPECT_TRUE(falls_to(before + kBound))
        << "round " << round << ": " << before << " bytes before, " << server.resident_bytes();
  }
}

}  // namespace
}  // namespace transept::testing
