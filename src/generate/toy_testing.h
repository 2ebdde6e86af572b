// A model without a network: the logits of the next token are a function of the tokens before it.
// Drives a Session as the scheduler would.
#pragma once

#include <functional>
#include <map>

#include "base/rng.h"
#include "generate/session.h"

namespace transept::testing {

using TableModel = std::function<std::vector<float>(const std::vector<Token>& ids)>;

inline Config toy_config(int vocab) {
  Config config;
  config.family = "toy";
  config.decoder = {.layers = 1, .d_model = 1, .n_heads = 1, .d_head = 1, .d_ff = 1};
  config.decoder.vocab = vocab;
  config.bos = 0;
  return config;
}

// Logits between -2 and 2 that depend on every token before.
inline TableModel random_table(int vocab, uint64_t seed) {
  return [=](const std::vector<Token>& ids) {
    uint64_t stream = 1;
    for (const Token token : ids) stream = stream * 1000003 + static_cast<uint64_t>(token) + 1;
    std::vector<float> logits;
    for (int i = 0; i < vocab; ++i) {
      const double u = random_uniform(seed, stream, static_cast<uint64_t>(i));
      logits.push_back(static_cast<float>(4 * u - 2));
    }
    return logits;
  };
}

inline void read_toy(Session& session, int row, std::vector<float> logits) {
  const KernelTable& kernels = reference_kernels();
  std::vector<Token> banned;
  if (const std::optional<Few> few = session.needs_few(row, banned)) {
    const LogNorm norm = log_norm(kernels, logits);
    for (const Token token : banned) {
      logits[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
    std::vector<Scored> best;
    top_k(kernels, logits, few->n, best);
    return session.read_few(row, best, norm);
  }
  std::vector<float> scratch(session.needs_scratch() ? logits.size() : 0);
  session.read(row, logits, scratch, kernels);
}

// What the decoder does to the state of a row: the new tokens' keys and values, here zeros, are
// kept.
inline void feed_toy(const WantedRow& row) {
  const auto n = static_cast<int>(row.new_ids().size());
  std::vector<float> zeros(static_cast<size_t>(n));
  const ConstTensor rows{zeros.data(), n, 1};
  row.state->layer(0).append(reference_kernels(), rows, rows, 0, n);
}

inline std::vector<Hypothesis> run_toy(const TableModel& model, const Config& config,
                                       const GenerateOptions& options,
                                       const std::vector<Token>& prompt = {},
                                       int* n_steps = nullptr) {
  const auto session = make_session(config, options, prompt, Memory());
  for (int step = 0; !session->finished(); ++step) {
    int index = 0;
    for (const WantedRow& row : session->wanted()) {
      feed_toy(row);
      for (int j = 0; j < row.n_logits; ++j) {
        read_toy(*session, index++, model({row.ids.begin(), row.ids.end() - row.n_logits + 1 + j}));
      }
    }
    session->advance();
    if (n_steps != nullptr) *n_steps = step + 1;
  }
  return session->take_results();
}

}  // namespace transept::testing
