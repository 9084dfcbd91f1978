#include "kronwerk/prediction/reductions.hpp"

#include "kronwerk/prediction/solves.hpp"

namespace kronwerk::prediction {
namespace {

double largest_part(Index size, int parts) {
  return static_cast<double>(distribution::BlockPartition(size, parts).largest());
}

}  // namespace

std::vector<Stage> price_reduction(const Pricing& pricing, const ReductionWork& work) {
  const int ranks = pricing.ranks().count;
  const auto kept = static_cast<double>(work.kept);
  const auto reduced = static_cast<double>(work.reduced);
  Cost reduce;
  if (work.keeps_axis(ranks)) {
    reduce = pricing.pairs(largest_part(work.kept, ranks) * reduced, work.cost);
    reduce += pricing.ring(work.bytes_per_point * largest_part(work.reduced, ranks));
  } else {
    reduce = pricing.pairs(kept * largest_part(work.reduced, ranks), work.cost);
    reduce += pricing.reduction_of(work.result_bytes);
  }
  reduce += pricing.reductions(4);  // what is checked before and agreed on after
  const Frame frame{work.datasets, 0, work.result_bytes};
  std::vector<Stage> stages = price_beginning(pricing, frame);
  stages.push_back({"read", pricing.read(work.input_bytes) + pricing.inspect(work.datasets)});
  stages.push_back({"reduce", reduce});
  stages.push_back(price_write(pricing, frame));
  return stages;
}

}  // namespace kronwerk::prediction
