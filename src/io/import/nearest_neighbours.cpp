#include "io/import/nearest_neighbours.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <tuple>

#include "kronwerk/core/interruption.hpp"

namespace kronwerk::io {

namespace {

// Decimal coordinates are rounded, so that distances which are equal on paper differ in their last
// bits; this is far above that and far below any difference that means something.
constexpr double tie = 1e-10;
constexpr std::size_t leaf_size = 16;

using Point = std::array<double, 3>;

double squared(double value) {
  return value * value;
}

/// The distances that decide: the haversine (it depends on differences only, so that equal spacings
/// tie), or the squared planar distance.
class Distance {
 public:
  Distance(const std::vector<double>& x, const std::vector<double>& y, Metric metric)
      : x_(x), y_(y), metric_(metric) {
    for (const double latitude : y) cosines_.push_back(std::cos(latitude * radian));
  }
  double operator()(core::Index first, core::Index second) const {
    const auto a = static_cast<std::size_t>(first), b = static_cast<std::size_t>(second);
    if (metric_ == Metric::planar) return squared(x_[a] - x_[b]) + squared(y_[a] - y_[b]);
    return squared(std::sin((y_[a] - y_[b]) * radian / 2)) +
           cosines_[a] * cosines_[b] * squared(std::sin((x_[a] - x_[b]) * radian / 2));
  }
  /// Where the tree has the point; squared distances there are 4 × the haversine on the sphere.
  Point position(std::size_t i) const {
    if (metric_ == Metric::planar) return {x_[i], y_[i], 0.0};
    const double longitude = x_[i] * radian;
    return {cosines_[i] * std::cos(longitude), cosines_[i] * std::sin(longitude),
            std::sin(y_[i] * radian)};
  }
  double scale() const { return metric_ == Metric::planar ? 1.0 : 4.0; }
  /// Rounding of coordinates in space, as a distance there.
  double slack() const { return metric_ == Metric::planar ? 0.0 : 1e-14; }

  static constexpr double radian = std::numbers::pi / 180.0;

 private:
  const std::vector<double>& x_;
  const std::vector<double>& y_;
  Metric metric_;
  std::vector<double> cosines_;
};

struct Candidate {
  double distance;
  core::Index index;
};

/// Points in an array ordered so that each range splits at its middle along its widest axis.
class Tree {
 public:
  explicit Tree(const Distance& distance, std::size_t count) : order_(count), points_(count) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t i = 0; i < count; ++i) points_[i] = distance.position(i);
    axes_.resize(count);
    build(0, count);
  }

  /// Calls visit(i) for all points within the squared distance bound(), which may shrink meanwhile.
  template <typename Visit, typename Bound>
  void search(const Point& centre, const Visit& visit, const Bound& bound) const {
    search(0, order_.size(), centre, visit, bound);
  }

 private:
  void build(std::size_t first, std::size_t last) {
    if (last - first <= leaf_size) return;
    Point low = points_[order_[first]], high = low;
    for (std::size_t i = first; i < last; ++i) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        low[axis] = std::min(low[axis], points_[order_[i]][axis]);
        high[axis] = std::max(high[axis], points_[order_[i]][axis]);
      }
    }
    std::size_t axis = 0;
    for (std::size_t other = 1; other < 3; ++other) {
      if (high[other] - low[other] > high[axis] - low[axis]) axis = other;
    }
    const std::size_t middle = first + (last - first) / 2;
    const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(first), at(middle), at(last), [&](std::size_t a, std::size_t b) {
      return points_[a][axis] < points_[b][axis];
    });
    axes_[middle] = static_cast<unsigned char>(axis);
    build(first, middle);
    build(middle + 1, last);
  }

  template <typename Visit, typename Bound>
  void search(std::size_t first, std::size_t last, const Point& centre, const Visit& visit,
              const Bound& bound) const {
    if (last - first <= leaf_size) {
      for (std::size_t i = first; i < last; ++i) visit(static_cast<core::Index>(order_[i]));
      return;
    }
    const std::size_t middle = first + (last - first) / 2;
    const std::size_t axis = axes_[middle];
    const double offset = centre[axis] - points_[order_[middle]][axis];
    visit(static_cast<core::Index>(order_[middle]));
    const bool left_first = offset < 0.0;
    for (const bool left : {left_first, !left_first}) {
      if (left != left_first && squared(offset) > bound()) return;
      left ? search(first, middle, centre, visit, bound)
           : search(middle + 1, last, centre, visit, bound);
    }
  }

  std::vector<std::size_t> order_;
  std::vector<Point> points_;
  std::vector<unsigned char> axes_;
};

// Orders by distance, and by index within runs of equal distances.
void sort_with_ties(std::vector<Candidate>& candidates) {
  const auto by_index = [](const Candidate& a, const Candidate& b) { return a.index < b.index; };
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    return a.distance < b.distance || (a.distance == b.distance && by_index(a, b));
  });
  for (auto run = candidates.begin(); run != candidates.end();) {
    const double limit = run->distance * (1.0 + tie);
    const auto end =
        std::find_if(run, candidates.end(), [&](const Candidate& c) { return c.distance > limit; });
    std::sort(run, end, by_index);
    run = end;
  }
}

/// Points at the same place are one place, so that many of them cost no more than one search.
struct Places {
  Places(const std::vector<double>& all_x, const std::vector<double>& all_y) {
    std::vector<std::size_t> order(all_x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::tuple(all_x[a], all_y[a], a) < std::tuple(all_x[b], all_y[b], b);
    });
    for (const std::size_t i : order) {
      if (x.empty() || all_x[i] != x.back() || all_y[i] != y.back()) {
        x.push_back(all_x[i]);
        y.push_back(all_y[i]);
        points.emplace_back();
      }
      points.back().push_back(static_cast<core::Index>(i));
    }
  }

  std::vector<double> x, y;
  std::vector<std::vector<core::Index>> points;  ///< at each place, ascending
};

class NearestPlaces {
 public:
  NearestPlaces(const Places& places, Metric metric, core::Index k)
      : places_(places),
        wanted_(static_cast<std::size_t>(k)),
        distance_(places.x, places.y, metric),
        tree_(distance_, places.x.size()) {}

  std::vector<std::vector<core::Index>> neighbours(std::size_t count) {
    std::vector<std::vector<core::Index>> result(count);
    for (std::size_t place = 0; place < places_.points.size(); ++place) {
      core::check_interruption();
      const std::vector<Candidate> candidates = candidates_of(static_cast<core::Index>(place));
      for (const core::Index point : places_.points[place]) {
        result[static_cast<std::size_t>(point)] = choose(candidates, point);
      }
    }
    return result;
  }

 private:
  const std::vector<core::Index>& points_at(core::Index place) const {
    return places_.points[static_cast<std::size_t>(place)];
  }
  /// The squared distance in the tree within which to look.
  double reach(double value) const {
    return squared(std::sqrt(distance_.scale() * value) * (1.0 + tie) + distance_.slack());
  }

  /// Of the points at `own`: the k-th smallest distance to others.
  double kth_distance(core::Index own, const Point& centre) const {
    std::vector<double> heap;
    const auto keep_smallest = [&](core::Index other) {
      const double value = distance_(own, other);
      std::size_t count = points_at(other).size() - (other == own ? 1 : 0);
      for (; count > 0 && (heap.size() < wanted_ || value < heap.front()); --count) {
        if (heap.size() == wanted_) {
          std::pop_heap(heap.begin(), heap.end());
          heap.pop_back();
        }
        heap.push_back(value);
        std::push_heap(heap.begin(), heap.end());
      }
    };
    tree_.search(centre, keep_smallest,
                 [&] { return heap.size() < wanted_ ? HUGE_VAL : reach(heap.front()); });
    return heap.front();
  }

  /// All points up to the k-th distance, so that every tie is seen; of those at one place only the
  /// first k + 1 can be among the neighbours.
  std::vector<Candidate> candidates_of(core::Index own) const {
    const Point centre = distance_.position(static_cast<std::size_t>(own));
    const double limit = kth_distance(own, centre) * (1.0 + tie);
    std::vector<Candidate> candidates;
    const auto collect = [&](core::Index other) {
      const double value = distance_(own, other);
      if (value > limit) return;
      const auto& points = points_at(other);
      for (std::size_t n = 0; n < std::min(points.size(), wanted_ + 1); ++n) {
        candidates.push_back({value, points[n]});
      }
    };
    tree_.search(centre, collect, [&] { return reach(limit); });
    sort_with_ties(candidates);
    return candidates;
  }

  std::vector<core::Index> choose(const std::vector<Candidate>& candidates,
                                  core::Index self) const {
    std::vector<core::Index> chosen;
    for (const Candidate& candidate : candidates) {
      if (chosen.size() == wanted_) break;
      if (candidate.index != self) chosen.push_back(candidate.index);
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }

  const Places& places_;
  std::size_t wanted_;
  Distance distance_;
  Tree tree_;
};

}  // namespace

std::vector<std::vector<core::Index>> nearest_neighbours(const std::vector<double>& x,
                                                         const std::vector<double>& y,
                                                         Metric metric, core::Index k) {
  const Places places(x, y);
  return NearestPlaces(places, metric, k).neighbours(x.size());
}

}  // namespace kronwerk::io
