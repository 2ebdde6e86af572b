// For the tests of training: a folder with a vocabulary of letters and a task to learn.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/rng.h"
#include "train/trainer.h"

namespace transept::testing {

// tokenizer.json: marks and the letters a … h, separated by spaces.
inline void write_letters(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::string added;
  std::string vocab;
  int id = 0;
  for (const char* piece : {"<pad>", "</s>", "<unk>", "a", "b", "c", "d", "e", "f", "g", "h"}) {
    vocab += fmt::format("{}\"{}\": {}", id > 0 ? ", " : "", piece, id);
    if (id < 3) {
      added += fmt::format(
          "{}{{\"id\": {}, \"content\": \"{}\", \"single_word\": false, \"lstrip\": false, "
          "\"rstrip\": false, \"normalized\": false, \"special\": true}}",
          id > 0 ? ", " : "", id, piece);
    }
    ++id;
  }
  write_file_atomic(
      folder / "tokenizer.json",
      fmt::format("{{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, "
                  "\"added_tokens\": [{}], \"normalizer\": null, "
                  "\"pre_tokenizer\": {{\"type\": \"WhitespaceSplit\"}}, \"post_processor\": null, "
                  "\"decoder\": null, \"model\": {{\"type\": \"WordLevel\", \"vocab\": {{{}}}, "
                  "\"unk_token\": \"<unk>\"}}}}",
                  added, vocab));
}

// n lines of "input<TAB>the same letters backwards", drawn from `seed`.
inline void write_reversals(const std::filesystem::path& file, int n, uint64_t seed) {
  std::string text;
  uint64_t draw = 0;
  const auto next = [&](int below) {
    return static_cast<int>(random_uniform(seed, 0, draw++) * below);
  };
  for (int line = 0; line < n; ++line) {
    std::string input;
    std::string output;
    for (int i = 2 + next(5); i > 0; --i) {
      const char letter = static_cast<char>('a' + next(8));
      if (!input.empty()) {
        input += ' ';
        output.insert(output.begin(), ' ');
      }
      input += letter;
      output.insert(output.begin(), letter);
    }
    text += fmt::format("{}\t{}\n", input, output);
  }
  write_file_atomic(file, text);
}

// Small and quick: it learns to reverse in a few hundred steps.
inline TrainConfig reversal_config(const std::filesystem::path& folder) {
  write_letters(folder / "tokenizer");
  write_reversals(folder / "train.tsv", 2000, 1);
  write_reversals(folder / "valid.tsv", 100, 2);
  TrainConfig config;
  config.output = (folder / "out").string();
  config.threads = 1;
  config.data.train = {(folder / "train.tsv").string()};
  config.data.valid = {(folder / "valid.tsv").string()};
  config.tokenizer.folder = (folder / "tokenizer").string();
  config.model.d_model = 32;
  config.model.d_ff = 64;
  config.model.heads = 2;
  config.model.encoder_layers = 1;
  config.model.decoder_layers = 1;
  config.model.max_positions = 32;
  config.batch.tokens = 512;
  config.optimizer.learning_rate = 1e-2;
  config.optimizer.schedule = "linear";
  config.optimizer.warmup_steps = 30;
  config.regularization.dropout = 0;
  config.regularization.label_smoothing = 0;
  config.length.max_steps = 300;
  config.validation.every_steps = 100;
  config.validation.max_new_tokens = 16;
  config.checkpoint.every_steps = 100;
  return config;
}

}  // namespace transept::testing
