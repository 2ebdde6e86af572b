// A model folder in Hugging Face's layout -> a Transformer that is ready to run, and back.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "model/weights.h"

namespace transept {

struct Checkpoint {
  std::shared_ptr<const Transformer> model;
  std::string config_json;             // as the file has it
  std::string generation_config_json;  // empty if there is none
  std::filesystem::path folder;
  bool is_packed = false;  // the file holds panels (packed.h), in the storage types that it says
};

struct LoadOptions {
  // Of the matrices, see storage_for; none: as the file says, f32 where it does not. Error
  // unsupported if a file of panels is asked for in another form than its own.
  std::optional<Storage> storage = {};
  std::optional<Storage> keys = {};  // StackConfig::keys of the decoder; none: as finish() decides
  std::set<std::string> keep_bf16 =
      {};  // names of weights to keep in bf16 where int8 or int4 is asked for
  const KernelTable* kernels = nullptr;  // what the weights are packed for; null: the chosen ones
  std::function<void(const Weight& weight)> packed = {};  // see WeightSource
};

// The form in which a weight is kept when `wanted` is asked for: matrices and token tables as
// `wanted`, the rest as f32. Where int8 or int4 is wanted, token tables that no product reads are
// bf16: int8 would save no time.
[[nodiscard]] Storage storage_for(Role role, Storage wanted);

// Reads the weights, checks every one, packs those that products read. What is loaded depends on
// the folder no more. Error not_found, io (a file was changed meanwhile, too), bad_data,
// unsupported or limit: one line that names file, tensor or key, what was found, what was expected.
[[nodiscard]] Checkpoint load_checkpoint(const std::filesystem::path& folder, ThreadPool& pool,
                                         const LoadOptions& options = {});

// Writes model.safetensors, config.json and, unless it is empty, generation_config.json into
// `folder`, which is made if need be. The weights of a model in f32 as they are stored, under the
// reference framework's names; of one in another form its panels (packed.h). Each file is written
// as a whole or not at all. Error mismatch if `config_json` does not describe the model.
void save_checkpoint(const std::filesystem::path& folder, const Transformer& model,
                     const std::string& config_json,
                     const std::string& generation_config_json = {});

}  // namespace transept
