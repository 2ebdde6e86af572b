// What the public objects hold. Here Memory, Tokenizer, GenerateOptions, … are the modules' own
// types; the public ones are api::Memory and so on.
#pragma once

#define TRANSEPT_INTERNAL
#include "transept/transept.h"

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/parallel.h"
#include "base/stop.h"
#include "folder/loaded_model.h"
#include "generate/options.h"
#include "model/memory.h"
#include "ops/context.h"
#include "text/tokenizer.h"

namespace transept::api {

struct Tokenizer::Implementation {
  std::shared_ptr<const transept::Tokenizer> tokenizer;
};

struct Memory::Implementation {
  transept::Memory memory;
  std::string text_hash;  // of the text that was read; empty where ids were given
  bool loaded = false;    // from a file: no encoder ran for it here
};

struct Shortlist::Implementation {
  std::shared_ptr<const transept::Shortlist> shortlist;
};

struct Model::Implementation {
  std::unique_ptr<ThreadPool> pool;
  std::shared_ptr<const LoadedModel> loaded;
  mutable std::mutex stats_mutex;
  Stats stats;

  [[nodiscard]] const Transformer& model() const { return loaded->model(); }
  [[nodiscard]] const Config& config() const { return loaded->config(); }
  [[nodiscard]] const transept::Tokenizer* tokenizer() const { return loaded->tokenizer.get(); }
  void count(const Stats& done);
  // The folder's defaults with what the caller asked for laid over.
  [[nodiscard]] transept::GenerateOptions search(const GenerateOptions& options) const;
};

// What the caller asked for laid over `defaults`.
[[nodiscard]] transept::GenerateOptions laid_over(transept::GenerateOptions defaults,
                                                  const GenerateOptions& options);

[[nodiscard]] inline transept::Languages inner(const Languages& languages) {
  return {languages.source, languages.target};
}
template <class Options>
[[nodiscard]] transept::Languages languages_of(const Options& options) {
  return {options.source_language, options.target_language};
}

// Empty for an empty public Memory.
[[nodiscard]] inline transept::Memory inner(const Memory& memory) {
  return memory.empty() ? transept::Memory() : memory.implementation()->memory;
}
[[nodiscard]] inline Memory outer(transept::Memory memory, std::string text_hash = {},
                                  bool loaded = false) {
  return Memory(std::make_shared<Memory::Implementation>(
      Memory::Implementation{std::move(memory), std::move(text_hash), loaded}));
}

// Scratch and threads for one call, which ends with Stopped when it is asked to.
struct Workspace {
  explicit Workspace(const Model::Implementation& model, const std::stop_token& stop = {})
      : pause([stop] { check_wanted(stop); }), context{arena, *model.pool, chosen_kernels()} {
    if (stop.stop_possible()) context.on_pause = &pause;
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() = default;
  Arena arena;
  std::function<void()> pause;
  Context context;
};

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const;
  Stopwatch();

 private:
  long long started_;  // nanoseconds of the steady clock
};

}  // namespace transept::api
