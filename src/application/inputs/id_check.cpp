#include "application/inputs/id_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <variant>

#include "application/gaussian/gaussian_model.hpp"
#include "application/inputs/problem.hpp"
#include "application/inputs/vector_shape.hpp"
#include "kronwerk/expressions/shared_modes.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using expressions::SharedModes;

/// A dataset of the job and what it is there.
struct Operand {
  std::string what;  ///< "'W'"
  io::DatasetInfo info;
};

/// The lists of a job, and which of them belong to one mode. Serial.
class IdLists {
 public:
  explicit IdLists(const Job& job) : job_(job) {}

  /// Numbers of the operand's lists by dimension, -1 where there is none.
  std::vector<int> add(const Operand& operand) {
    std::vector<int> numbers;
    for (auto& ids : io::find_mode_ids(operand.info)) {
      numbers.push_back(ids ? static_cast<int>(lists_.size()) : -1);
      if (ids) lists_.push_back({operand.what, std::move(ids)});
    }
    return numbers;
  }

  const std::vector<std::string>& ids(int number) const {
    return lists_[static_cast<std::size_t>(number)].ids->ids;
  }

  /// @throws DataError if two of them contradict each other
  void expect_same(const std::vector<int>& numbers) const {
    const List* first = nullptr;
    for (const int number : numbers) {
      if (number < 0) continue;
      const List& list = lists_[static_cast<std::size_t>(number)];
      if (first == nullptr) first = &list;
      const auto conflict = io::find_conflict(first->ids->ids, list.ids->ids);
      if (conflict) refuse(*first, list, *conflict);
    }
  }

 private:
  struct List {
    std::string what;
    io::ModeIdsPtr ids;
  };

  static std::string text_of(const io::ModeIds& ids) { return ids.data.file + ":" + ids.list; }

  [[noreturn]] void refuse(const List& first, const List& second,
                           const io::IdConflict& conflict) const {
    const auto& data = second.ids->data;
    const std::string advice =
        conflict.reordered
            ? fmt::format(
                  "put {} in the order of {}: kronwerk import reorder {}:{} --order-by {} "
                  "--to {}:{} --overwrite",
                  second.what, first.what, data.file, data.dataset, text_of(*first.ids), data.file,
                  data.dataset)
            : "the two lists do not have the same ids; prepare both for the same ones";
    throw core::DataError(fmt::format(
        "{}: {} and {} meet in one mode, but their ids stand in different orders: '{}' is number "
        "{} in {} and number {} in {}; {}",
        job_.file, first.what, second.what, conflict.id, conflict.first + 1, text_of(*first.ids),
        conflict.second + 1, text_of(*second.ids), advice));
  }

  const Job& job_;
  std::vector<List> lists_;
};

/// Which of the lists of a dataset belong to each mode of a grid that its vectors run over.
std::vector<int> lists_of_modes(const std::vector<int>& lists, const core::Extents& shape,
                                const core::Extents& grid) {
  const auto reading = find_shape(shape, grid);
  // Another shape is refused by who reads it, with its place.
  if (!reading || (reading->flat && grid.size() > 1)) return {};
  std::vector<int> result(grid.size(), -1);
  const std::size_t leading = reading->several ? 1 : 0;
  for (std::size_t k = 0; k < grid.size(); ++k) result[k] = lists[leading + k];
  return result;
}

/// The lists of a kernel's rows or columns: those of all variables with that index.
int add_points(IdLists& lists, const std::string& name, const PointVariables& variables,
               kernels::Axes axis) {
  std::vector<int> found;
  for (const auto& [variable, points] : variables) {
    if (points.symbol.axes != axis) continue;
    const auto numbers = lists.add({fmt::format("the points '{}'{}", variable, name), points.data});
    if (numbers.front() >= 0) found.push_back(numbers.front());
  }
  lists.expect_same(found);
  return found.empty() ? -1 : found.front();
}

/// The lists of everything that a formula names.
std::map<std::string, expressions::ModeLists> lists_of_names(
    IdLists& lists, const std::map<std::string, io::DatasetInfo>& data,
    const std::map<std::string, KernelMatrix>& kernels) {
  std::map<std::string, expressions::ModeLists> known;
  for (const auto& [name, info] : data) {
    const auto numbers = lists.add({fmt::format("'{}'", name), info});
    expressions::ModeLists& of_name = known[name];
    of_name.modes = numbers;
    if (numbers.size() != 2) continue;
    of_name.rows = {numbers[0]};
    of_name.cols = {numbers[1]};
  }
  for (const auto& [name, kernel] : kernels) {
    const std::string of_kernel = fmt::format(" of the kernel '{}'", name);
    const int rows = add_points(lists, of_kernel, kernel.variables, kernels::axis_i);
    const int cols = add_points(lists, of_kernel, kernel.variables, kernels::axis_j);
    known[name] = {{rows}, {cols}, {}};
  }
  return known;
}

/// Adds what runs over a grid to the classes of its modes.
void attach(IdLists& lists, SharedModes& shared, const std::vector<int>& modes,
            const core::Extents& grid, const Operand& operand) {
  const auto numbers = lists_of_modes(lists.add(operand), operand.info.shape, grid);
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    shared.lists[static_cast<std::size_t>(modes[k])].push_back(numbers[k]);
  }
}

void expect_same(const IdLists& lists, const SharedModes& shared) {
  for (const auto& of_mode : shared.lists) lists.expect_same(of_mode);
}

/// A dataset, unless the source is random.
std::optional<Operand> operand_of(const communication::Communicator& comm, const std::string& what,
                                  const configuration::VectorSource& source) {
  const auto* dataset = std::get_if<configuration::DatasetReference>(&source.source);
  if (dataset == nullptr) return std::nullopt;
  return Operand{what, io::inspect(comm, to_location(*dataset))};
}

}  // namespace

void check_ids(const communication::Communicator& comm, const Problem& problem) {
  using configuration::Task;
  const Job& job = problem.job;
  const bool inverted = job.task == Task::solve;
  std::vector<std::pair<Operand, bool>> vectors;  // and whether it is on the side of the columns
  const auto add = [&](const std::optional<Operand>& operand, bool columns) {
    if (operand) vectors.emplace_back(*operand, columns);
  };
  const auto uses = [&](const char* key) {
    const auto& tasks = configuration::find_entry(key)->tasks;
    return std::ranges::find(tasks, job.task) != tasks.end();
  };
  if (uses("input") && job.input) add(operand_of(comm, "'input'", *job.input), !inverted);
  if (uses("tangent") && job.tangent && job.tangent->input) {
    add(operand_of(comm, "'tangent.input'", *job.tangent->input), !inverted);
  }
  // That of a determinant or a trace is one number.
  if (job.gradient && job.gradient->cotangent.kind == configuration::CotangentKind::dataset &&
      (uses("input") || job.task == Task::diagonal)) {
    const auto location = to_location(job.gradient->cotangent.dataset);
    add(Operand{"'gradient.cotangent'", io::inspect(comm, location)}, inverted);
  }
  communication::on_root(comm, [&] {
    IdLists lists(job);
    const auto& expression = *problem.expression;
    SharedModes shared =
        find_shared_modes(expression, lists_of_names(lists, problem.data, problem.kernels));
    for (const auto& [operand, columns] : vectors) {
      attach(lists, shared, columns ? shared.cols : shared.rows,
             columns ? expression.col_extents() : expression.row_extents(), operand);
    }
    expect_same(lists, shared);
  });
}

void check_ids(const communication::Communicator& comm, const Job& job,
               const expressions::Expression& covariance,
               const std::map<std::string, io::DatasetInfo>& data,
               const std::map<std::string, KernelMatrix>& kernels) {
  std::vector<Operand> vectors;
  const auto& request = *job.gaussian;
  if (request.observations) {
    const auto add = [&](const char* what, const configuration::DatasetReference& reference) {
      vectors.push_back({what, io::inspect(comm, to_location(reference))});
    };
    add("'observations'", request.observations->data);
    if (request.observations->mask) add("'observations.mask'", *request.observations->mask);
  }
  communication::on_root(comm, [&] {
    IdLists lists(job);
    // Ids stand beside the group of eigenvalues and eigenvectors.
    auto given = data;
    for (auto& [name, info] : given) {
      info.location = to_location(job.matrices.at(name).value);
    }
    const auto known = lists_of_names(lists, given, kernels);
    SharedModes shared = find_shared_modes(covariance, known);
    // A covariance has its modes on both sides.
    for (std::size_t k = 0; k < shared.rows.size(); ++k) {
      const auto& cols = shared.lists[static_cast<std::size_t>(shared.cols[k])];
      if (shared.cols[k] == shared.rows[k]) continue;
      auto& rows = shared.lists[static_cast<std::size_t>(shared.rows[k])];
      rows.insert(rows.end(), cols.begin(), cols.end());
    }
    for (const Operand& operand : vectors) {
      attach(lists, shared, shared.rows, covariance.row_extents(), operand);
    }
    for (const auto& column : request.mean.columns) {
      const auto names = column_names(column.value, job.where(column.position));
      for (std::size_t k = 0; k < std::min(names.size(), shared.rows.size()); ++k) {
        const auto found = known.find(names[k]);
        if (found == known.end() || found->second.modes.size() != 1) continue;
        shared.lists[static_cast<std::size_t>(shared.rows[k])].push_back(
            found->second.modes.front());
      }
    }
    expect_same(lists, shared);
  });
}

namespace {

/// Adds what a column names along its k-th mode to the lists of that, and compares the lists
/// between its matrices.
void add_column(const IdLists& lists, const Problem& problem,
                const std::map<std::string, expressions::ModeLists>& known,
                const NameAlongModes& column, std::size_t k, std::vector<int>& of_mode) {
  std::vector<int> between;
  std::vector<int>* present = &of_mode;
  const auto modes_of = [&](const std::string& name) {
    const auto found = known.find(name);
    return found == known.end() ? std::vector<int>() : found->second.modes;
  };
  for (const auto& [name, transposed] : column.matrices) {
    std::vector<int> numbers = modes_of(name);
    if (numbers.size() != 2) return;  // refused by who reads it, with its place
    if (transposed) std::swap(numbers[0], numbers[1]);
    present->push_back(numbers[0]);
    const core::Extents& shape = problem.data.at(name).shape;
    // A square matrix that does not list both is between the same regions.
    if (shape[0] == shape[1] && (numbers[0] < 0 || numbers[1] < 0)) {
      present->push_back(numbers[1]);
      continue;
    }
    lists.expect_same(between);
    between = {numbers[1]};
    present = &between;
  }
  const std::vector<int> numbers = modes_of(column.name);
  // A vector along both modes has one list for both.
  if (numbers.size() == 1) {
    present->push_back(numbers.front());
  } else if (numbers.size() == column.modes.size()) {
    present->push_back(numbers[k]);
  }
  lists.expect_same(between);
}

}  // namespace

void check_ids(const communication::Communicator& comm, const Problem& problem,
               const std::vector<NameAlongModes>& columns) {
  const auto& request = problem.job.flow->observations;
  std::vector<Operand> vectors;
  if (!request.data.file.empty()) {
    vectors.push_back({"'observations'", io::inspect(comm, to_location(request.data))});
  }
  if (request.mask) {
    vectors.push_back({"'observations.mask'", io::inspect(comm, to_location(*request.mask))});
  }
  communication::on_root(comm, [&] {
    IdLists lists(problem.job);
    const auto& filter = *problem.expression;
    const auto known = lists_of_names(lists, problem.data, problem.kernels);
    SharedModes shared = find_shared_modes(filter, known);
    for (const Operand& operand : vectors) {
      attach(lists, shared, shared.rows, filter.row_extents(), operand);
    }
    for (const NameAlongModes& column : columns) {
      for (std::size_t k = 0; k < column.modes.size(); ++k) {
        add_column(lists, problem, known, column, k,
                   shared.lists[static_cast<std::size_t>(shared.rows[column.modes[k]])]);
      }
    }
    expect_same(lists, shared);
  });
}

void check_ids(const communication::Communicator& comm, const Job& job,
               const PointVariables& variables) {
  communication::on_root(comm, [&] {
    IdLists lists(job);
    for (const kernels::Axes axis : {kernels::axis_i, kernels::axis_j}) {
      add_points(lists, "", variables, axis);
    }
  });
}

std::vector<std::vector<std::string>> check_ids(const communication::Communicator& comm,
                                                const Job& job, std::size_t modes,
                                                const std::vector<AlongModes>& data) {
  std::vector<std::vector<std::string>> ids(modes);
  communication::on_root(comm, [&] {
    IdLists lists(job);
    std::vector<std::vector<int>> of_mode(modes);
    for (const AlongModes& each : data) {
      const auto numbers = lists.add({each.what, each.info});
      for (std::size_t d = 0; d < each.modes.size(); ++d) {
        if (each.modes[d] < 0 || numbers[d] < 0) continue;
        of_mode[static_cast<std::size_t>(each.modes[d])].push_back(numbers[d]);
      }
    }
    for (std::size_t k = 0; k < modes; ++k) {
      lists.expect_same(of_mode[k]);
      if (!of_mode[k].empty()) ids[k] = lists.ids(of_mode[k].front());
    }
  });
  for (auto& names : ids) {
    std::string text;
    for (const std::string& name : names) text.append(name).push_back('\0');
    text = comm.broadcast(std::move(text));
    names.clear();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\0', begin);
      names.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return ids;
}

}  // namespace kronwerk::application
