// A model folder that is changed under a server: it answers as it did, and its memories are of the
// model that made them.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class ChangingModel : public ::testing::TestWithParam<const char*> {};

TEST_P(ChangingModel, ChangesNoAnswer) {
  const std::string folder = scratch(std::string("model-") + GetParam());
  fs::copy(model("tiny-t5-text"), folder);
  const fs::path weights = fs::path(folder) / "model.safetensors";
  const std::string memories = scratch(std::string("memories-") + GetParam());
  const auto ask = [&](int port, const char* text) {
    return http(port, "POST", "/v1/generate", std::string(R"({"input": ")") + text + R"("})");
  };
  std::string id;
  std::string before;
  {
    ServerProcess server({folder, "--dtype", GetParam(), "--memory-folder", memories});
    before = hypotheses_of(ask(server.port(), "The dog sleeps"));
    const std::string other(fs::file_size(weights), '\x11');
    std::ofstream(weights, std::ios::binary) << other;  // in place, as `cp` writes
    EXPECT_EQ(hypotheses_of(ask(server.port(), "The dog sleeps")), before);
    fs::resize_file(weights, 4096);
    const HttpResult made = http(server.port(), "POST", "/v1/memories", kFox);
    ASSERT_EQ(made.status, 201) << made.body;
    id = text_of(made, "id");
    EXPECT_EQ(hypotheses_of(ask(server.port(), "The dog sleeps")), before);
    before = hypotheses_of(http(server.port(), "POST", "/v1/generate",
                                R"({"memory": ")" + id + R"(", "prompt": "Summarise"})"));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
  }
  fs::copy(model("tiny-t5-text") + "/model.safetensors", weights,
           fs::copy_options::overwrite_existing);
  ServerProcess server({folder, "--dtype", GetParam(), "--memory-folder", memories});
  const HttpResult after = http(server.port(), "POST", "/v1/generate",
                                R"({"memory": ")" + id + R"(", "prompt": "Summarise"})");
  EXPECT_EQ(number_of(after, "encoder_runs"), 0);
  EXPECT_EQ(hypotheses_of(after), before);
}

INSTANTIATE_TEST_SUITE_P(OfEveryType, ChangingModel,
                         ::testing::Values("f32", "bf16", "int8", "int4"));

}  // namespace
}  // namespace transept::testing
