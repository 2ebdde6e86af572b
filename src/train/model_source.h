// Where a training begins: a new model of some family, a model folder, or a pretrained encoder with
// a new decoder; and the folder that the result is written to.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "generate/options.h"
#include "model/parameters.h"
#include "text/tokenizer.h"
#include "train/config.h"

namespace transept {

struct TrainedModel {
  Transformer model;
  std::unique_ptr<Parameters> parameters;
  std::unique_ptr<Tokenizer> tokenizer;
  std::filesystem::path tokenizer_folder;
  std::string config_json;
  std::string generation_json;
  GenerateOptions options;  // what the folder's files say
  bool is_new = false;      // no folder of the reference framework's stands behind it
};

// Deterministic: the same values whenever it is called. Packed and ready to run.
[[nodiscard]] std::unique_ptr<TrainedModel> make_trained_model(const TrainConfig& config,
                                                               ThreadPool& pool);

// An ordinary model folder: weights under the reference framework's names, config.json,
// generation_config.json and the tokenizer's files. Each file is whole or not there.
void write_model_folder(const std::filesystem::path& folder, const TrainedModel& trained);

}  // namespace transept
