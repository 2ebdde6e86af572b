#include "generate/score.h"

#include <algorithm>

#include "generate/generate.h"
#include "model/decoder.h"

namespace transept {
namespace {

constexpr int kBatchRows = 2048;
constexpr int kLogitRows = 64;  // see step.cpp

struct Input {
  std::vector<Token> tokens;  // start, prompt, target but its last token
  size_t first = 0;           // the position whose logits give the first target token
};

Input make_input(const Transformer& model, const ScoreRequest& request,
                 const GenerateOptions& options) {
  check_memory(model, request.memory);
  const StackConfig& decoder = model.config.decoder;
  for (const Token token : request.target) {
    check(token >= 0 && token < decoder.vocab, ErrorCode::bad_data,
          "the target has token {}, the vocabulary has {}", token, decoder.vocab);
  }
  Input input;
  input.tokens = decoder_prompt(options, model.config, request.prompt);
  input.first = input.tokens.size() - 1;
  if (!request.target.empty()) {
    input.tokens.insert(input.tokens.end(), request.target.begin(), request.target.end() - 1);
  }
  check(decoder.max_positions == 0 ||
            input.tokens.size() <= static_cast<size_t>(decoder.max_positions),
        ErrorCode::limit, "prompt and target have {} tokens, the decoder has {} positions",
        input.tokens.size(), decoder.max_positions);
  return input;
}

struct Target {  // one row whose logits are wanted
  int row = 0;   // of the batch
  TokenScore* score = nullptr;
};

void read_row(const KernelTable& kernels, std::span<const float> logits, int n_top,
              TokenScore& score) {
  const LogNorm norm = log_norm(kernels, logits);
  score.logprob = norm.of(logits[static_cast<size_t>(score.id)]);
  if (n_top == 0) return;
  top_k(kernels, logits, n_top, score.top);
  for (Scored& entry : score.top) entry.value = norm.of(entry.value);
}

void read_targets(Context& c, const Transformer& model, ConstTensor hidden,
                  std::span<const Target> targets, int n_top) {
  for (size_t begin = 0; begin < targets.size(); begin += kLogitRows) {
    const auto chunk = targets.subspan(begin, std::min<size_t>(kLogitRows, targets.size() - begin));
    c.pause();
    const Arena::Frame frame(c.arena);
    const Tensor rows = c.arena.tensor(static_cast<int>(chunk.size()), hidden.cols);
    for (size_t i = 0; i < chunk.size(); ++i) {
      std::copy_n(hidden.row(chunk[i].row), hidden.cols, rows.row(static_cast<int>(i)));
    }
    const Tensor table = logits(c, model, rows);  // [≤ 64, vocab]
    c.pool.parallel_for(table.rows, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const std::span<const float> row(table.row(static_cast<int>(i)),
                                         static_cast<size_t>(table.cols));
        read_row(c.kernels, row, n_top, *chunk[static_cast<size_t>(i)].score);
      }
    });
  }
}

void score_batch(Context& c, const Transformer& model, std::span<const ScoreRequest> requests,
                 std::span<const Input> inputs, std::span<Score> scores, int n_top) {
  const Arena::Frame frame(c.arena);
  Batch batch;
  std::vector<Token> tokens;
  std::vector<const Memory*> memories;
  std::vector<Target> targets;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const int first = batch.rows() + static_cast<int>(inputs[i].first);
    batch.add(static_cast<int>(inputs[i].tokens.size()));
    tokens.insert(tokens.end(), inputs[i].tokens.begin(), inputs[i].tokens.end());
    memories.push_back(&requests[i].memory);
    scores[i].tokens.resize(requests[i].target.size());
    for (size_t t = 0; t < requests[i].target.size(); ++t) {
      scores[i].tokens[t].id = requests[i].target[t];
      targets.push_back({first + static_cast<int>(t), &scores[i].tokens[t]});
    }
  }
  if (targets.empty()) return;
  const Tensor hidden = decode(c, model, batch, tokens, memories, {});
  read_targets(c, model, hidden, targets, n_top);
}

}  // namespace

std::vector<Score> score(Context& c, const Transformer& model,
                         std::span<const ScoreRequest> requests, const GenerateOptions& options,
                         int n_top) {
  check(n_top >= 0, ErrorCode::usage, "top: {}, expected at least 0", n_top);
  std::vector<Input> inputs;
  for (const ScoreRequest& request : requests) {
    inputs.push_back(make_input(model, request, options));
  }
  std::vector<Score> scores(requests.size());
  for (size_t begin = 0; begin < inputs.size();) {
    size_t end = begin;
    size_t rows = 0;
    do {
      rows += inputs[end].tokens.size();
      ++end;
    } while (end < inputs.size() && rows + inputs[end].tokens.size() <= kBatchRows);
    const size_t n = end - begin;
    score_batch(c, model, requests.subspan(begin, n), std::span(inputs).subspan(begin, n),
                std::span(scores).subspan(begin, n), n_top);
    begin = end;
  }
  for (Score& result : scores) {
    for (const TokenScore& token : result.tokens) {
      result.logprob += static_cast<double>(token.logprob);
    }
  }
  return scores;
}

}  // namespace transept
