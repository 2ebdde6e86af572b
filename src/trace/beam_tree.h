// A beam search as a tree: every continuation that was weighed, those that were dropped too.
#pragma once

#include <vector>

#include "generate/beam.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct BeamTree {
  struct Node {
    int parent = -1;  // a node of the step before; -1: the prompt
    int step = 0;
    Token token = 0;
    float logprob = 0;  // of this token
    float score = 0;    // the sum that the search compares
    BeamSession::Fate fate = BeamSession::Fate::dropped;
  };
  std::vector<Node> nodes;  // step by step, best first
  std::vector<Hypothesis> hypotheses;
  std::vector<std::vector<int>> paths;  // per hypothesis: its nodes
};

// As generate() with these options, beams >= 2.
[[nodiscard]] BeamTree trace_beams(Context& c, const Transformer& model, const Memory& memory,
                                   const GenerateOptions& search, const std::vector<Token>& prompt);

}  // namespace transept
