#include "kernels/reductions/reduction_plan.hpp"

#include <algorithm>

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

namespace {

Sink::Kind sink_kind(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::sum:
    case ReductionKind::mean:
      return Sink::Kind::sum;
    case ReductionKind::norm:
      return Sink::Kind::sum_squares;
    case ReductionKind::count:
    case ReductionKind::any:
      return Sink::Kind::count_nonzero;
    case ReductionKind::all:
      return Sink::Kind::count_zero;
    case ReductionKind::logsumexp:
    case ReductionKind::softmax:
      return Sink::Kind::exponentials;
    case ReductionKind::min:
    case ReductionKind::argmin:
    case ReductionKind::min_argmin:
    case ReductionKind::kmin:
    case ReductionKind::argkmin:
    case ReductionKind::kmin_argkmin:
      return Sink::Kind::least;
    default:
      return Sink::Kind::greatest;
  }
}

bool selects(Sink::Kind kind) {
  return kind == Sink::Kind::least || kind == Sink::Kind::greatest;
}

bool counts(Sink::Kind kind) {
  return kind == Sink::Kind::count_nonzero || kind == Sink::Kind::count_zero;
}

class Planner {
 public:
  Planner(ScalarGraph& graph, ReductionPlan& plan) : graph_(graph), plan_(plan) {}

  void add(const ReductionRequest& request, const std::vector<int>& components) {
    Sink sink;
    sink.kind = sink_kind(request.kind);
    if (request.weight) {
      if (sink.kind != Sink::Kind::exponentials || components.size() != 1) {
        throw core::ShapeError(
            "only logsumexp and softmax of a scalar formula take a weight, not " +
            to_text(request.kind) + " of " + std::to_string(components.size()) + " values");
      }
      sink.weights = graph_.lower(request.weight->root());
    } else if (request.kind == ReductionKind::softmax) {
      throw core::ShapeError("softmax needs a weight");
    }
    std::vector<std::size_t> places;
    for (const int component : components) {
      sink.node = component;
      places.push_back(place(sink, selects(sink.kind) ? request.k : 0));
    }
    plan_.sinks.push_back(std::move(places));
  }

  // NaN is counted once per component, by a selection where there is one.
  void count_nan(const std::vector<int>& components) {
    plan_.counts_nan.assign(sinks_.size(), 0);
    for (const int component : components) {
      std::size_t counter = sinks_.size();
      bool needed = false;
      for (std::size_t s = 0; s < sinks_.size(); ++s) {
        if (sinks_[s].node != component) continue;
        needed = needed || counts(sinks_[s].kind);
        if (selects(sinks_[s].kind) && counter == sinks_.size()) counter = s;
      }
      if (counter < sinks_.size()) {
        plan_.counts_nan[counter] = 1;
      } else if (needed) {
        Sink sink;
        sink.kind = Sink::Kind::count_nan;
        sink.node = component;
        place(sink, 0);
        plan_.counts_nan.push_back(1);
      }
    }
  }

  std::vector<Sink> take_sinks() { return std::move(sinks_); }

 private:
  std::size_t place(const Sink& sink, Index list_length) {
    const auto found = std::find_if(sinks_.begin(), sinks_.end(), [&](const Sink& each) {
      return each.kind == sink.kind && each.node == sink.node && each.weights == sink.weights;
    });
    const auto position = static_cast<std::size_t>(found - sinks_.begin());
    if (found == sinks_.end()) {
      sinks_.push_back(sink);
      plan_.list_lengths.push_back(list_length);
    } else {
      plan_.list_lengths[position] = std::max(plan_.list_lengths[position], list_length);
    }
    return position;
  }

  ScalarGraph& graph_;
  ReductionPlan& plan_;
  std::vector<Sink> sinks_;
};

}  // namespace

ReductionPlan plan_reductions(const Expression& formula, const Constants& constants,
                              Precision precision, const std::vector<ReductionRequest>& requests) {
  ReductionPlan plan;
  plan.dimension = formula.dimension();
  ScalarGraph graph(constants, precision);
  const std::vector<int> components = graph.lower(formula.root());
  Planner planner(graph, plan);
  for (const ReductionRequest& request : requests) planner.add(request, components);
  planner.count_nan(components);
  plan.compiled = compile(graph, planner.take_sinks());
  return plan;
}

}  // namespace kronwerk::kernels
