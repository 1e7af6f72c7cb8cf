//! One tree: parallel arrays, an entry per node.
//!
//! A categorical node sends its set right; its children are swapped, since a [`Tree`] sends a set left.

use super::super::value::Value;
use super::forest::Parts;
use super::learner::Shape;
use crate::error::{Error, ErrorKind, Result};
use crate::model::trees::source::Tree;

/// Categories from here on match no node in XGBoost: `OutOfRangeCat` of its `categorical.h`.
const CATEGORIES: i64 = 1 << 24;

/// Whether leaves have a value for each output.
pub(super) fn is_vector(value: &Value<'_>) -> Result<bool> {
    Ok(leaf_size(value)? > 1)
}

fn leaf_size(value: &Value<'_>) -> Result<usize> {
    let params = value.member("tree_param")?;
    // 0 until 1.7.
    params.get("size_leaf_vector", Value::parsed)
}

/// The arrays of a tree as the file has them.
struct Arrays {
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    condition: Vec<f32>,
    default_left: Vec<bool>,
    cover: Option<Vec<f32>>,
}

pub(super) fn read(value: &Value<'_>, shape: Shape, output: usize, parts: &mut Parts) -> Result<Tree> {
    let arrays = Arrays::read(value)?;
    let sets = CategorySets::read(value, arrays.left.len())?;
    let reached = arrays.reached()?;
    let mut place = vec![-1; reached.len()];
    let kept = (0..reached.len()).filter(|&node| reached[node]);
    kept.enumerate().for_each(|(at, node)| place[node] = at as i64);

    let leaves = Leaves::read(value, &arrays, &reached, shape)?;
    let n = place.iter().filter(|&&at| at >= 0).count();
    let mut tree = Tree {
        left: Vec::with_capacity(n),
        right: Vec::with_capacity(n),
        column: Vec::with_capacity(n),
        threshold: Vec::with_capacity(n),
        missing_left: Vec::with_capacity(n),
        set: Vec::with_capacity(n),
        values: Vec::with_capacity(n * leaves.size),
        cover: arrays.cover.as_ref().map(|_| Vec::with_capacity(n)),
        output,
    };
    for node in (0..reached.len()).filter(|&node| reached[node]) {
        if let (Some(kept), Some(cover)) = (&mut tree.cover, &arrays.cover) {
            kept.push(cover[node]);
        }
        let set = sets.of(node);
        let categorical = set.is_some();
        if arrays.is_leaf(node) {
            tree.values.extend(leaves.of(&arrays, node)?.iter().map(|&value| f64::from(value)));
            tree.left.push(-1);
            tree.right.push(-1);
            tree.column.push(-1);
            tree.threshold.push(0.0);
            tree.missing_left.push(false);
            tree.set.push(-1);
            continue;
        }
        let feature = u32::try_from(arrays.feature[node]).ok();
        let feature = feature.filter(|&feature| (feature as usize) < shape.n_features).ok_or_else(|| {
            let message =
                format!("node {node} looks at feature {} of {}", arrays.feature[node], shape.n_features);
            Error::corrupt(message)
        })?;
        let (left, right) = (place[arrays.left[node] as usize], place[arrays.right[node] as usize]);
        let default_left = arrays.default_left[node];
        tree.left.push(if categorical { right } else { left });
        tree.right.push(if categorical { left } else { right });
        tree.missing_left.push(default_left != categorical);
        tree.column.push(parts.column(feature, categorical));
        tree.values.resize(tree.values.len() + leaves.size, 0.0);
        match set {
            Some(set) => {
                let set = set.map_err(|error| error.within(format!("node {node}")))?;
                tree.set.push(parts.set(set));
                tree.threshold.push(0.0);
            }
            None if arrays.condition[node].is_nan() => {
                return Err(Error::corrupt(format!("node {node} has no threshold (NaN)")));
            }
            None => {
                tree.set.push(-1);
                tree.threshold.push(f64::from(arrays.condition[node]));
            }
        }
    }
    if tree.set.iter().all(|&set| set < 0) {
        tree.set = Vec::new();
    }
    Ok(tree)
}

impl Arrays {
    fn read(value: &Value<'_>) -> Result<Arrays> {
        let arrays = Arrays {
            left: value.get("left_children", Value::integers)?,
            right: value.get("right_children", Value::integers)?,
            feature: value.get("split_indices", Value::integers)?,
            condition: value.get("split_conditions", Value::singles)?,
            default_left: value.get("default_left", Value::flags)?,
            cover: value.get_optional("sum_hessian", Value::singles)?,
        };
        let n: usize = value.member("tree_param")?.get("num_nodes", Value::parsed)?;
        let lengths = [
            ("left_children", arrays.left.len()),
            ("right_children", arrays.right.len()),
            ("split_indices", arrays.feature.len()),
            ("split_conditions", arrays.condition.len()),
            ("default_left", arrays.default_left.len()),
            ("sum_hessian", arrays.cover.as_ref().map_or(n, Vec::len)),
        ];
        if let Some((name, length)) = lengths.iter().find(|(_, length)| *length != n) {
            return Err(Error::corrupt(format!("{name} of {length} nodes, and num_nodes is {n}")));
        }
        if n == 0 {
            return Err(Error::corrupt("a tree without nodes"));
        }
        Ok(arrays)
    }

    fn is_leaf(&self, node: usize) -> bool {
        self.left[node] == -1
    }

    /// Which nodes the root leads to: pruning leaves deleted ones behind.
    fn reached(&self) -> Result<Vec<bool>> {
        let mut reached = vec![false; self.left.len()];
        let mut stack = vec![0];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut reached[node], true) {
                return Err(Error::corrupt(format!("node {node} is reached on two ways")));
            }
            if self.is_leaf(node) {
                continue;
            }
            let (left, right) = (self.left[node], self.right[node]);
            let child = |child: i64| usize::try_from(child).ok().filter(|&child| child < reached.len());
            let children = child(left).zip(child(right)).ok_or_else(|| {
                let message =
                    format!("node {node} has children {left} and {right} of {} nodes", reached.len());
                Error::corrupt(message)
            })?;
            // XGBoost walks to the node after the left child and does not look at the right one.
            if children.1 != children.0 + 1 {
                let message =
                    format!("node {node} has children {left} and {right}, which are not neighbours");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            stack.extend([children.1, children.0]);
        }
        Ok(reached)
    }
}

/// Where the values of leaves are.
struct Leaves {
    /// Values per leaf.
    size: usize,
    /// Values of several outputs: by the number that a leaf has for its right child, or, until 3.1, by node.
    vectors: Option<Vec<f32>>,
    by_node: bool,
}

impl Leaves {
    fn read(value: &Value<'_>, arrays: &Arrays, reached: &[bool], shape: Shape) -> Result<Leaves> {
        let size = leaf_size(value)?;
        if size <= 1 {
            return Ok(Leaves { size: 1, vectors: None, by_node: false });
        }
        if size != shape.n_outputs {
            return Err(Error::corrupt(format!("leaves of {size} values in a model of {}", shape.n_outputs)));
        }
        let by_leaf = value.get_optional("leaf_weights", Value::singles)?;
        let by_node = by_leaf.is_none();
        let (vectors, expected) = match by_leaf {
            Some(vectors) => {
                let is_leaf = |&node: &usize| reached[node] && arrays.is_leaf(node);
                (vectors, (0..reached.len()).filter(is_leaf).count())
            }
            None => (value.get("base_weights", Value::singles)?, reached.len()),
        };
        if expected.checked_mul(size) != Some(vectors.len()) {
            return Err(Error::corrupt(format!("{} values for {expected} times {size}", vectors.len())));
        }
        Ok(Leaves { size, vectors: Some(vectors), by_node })
    }

    fn of<'a>(&'a self, arrays: &'a Arrays, node: usize) -> Result<&'a [f32]> {
        let Some(vectors) = &self.vectors else { return Ok(&arrays.condition[node..=node]) };
        let at = if self.by_node { Some(node) } else { usize::try_from(arrays.right[node]).ok() };
        let start = at.and_then(|at| at.checked_mul(self.size));
        let values = start.and_then(|start| vectors.get(start..)?.get(..self.size));
        values.ok_or_else(|| Error::corrupt(format!("leaf {node} is number {}", arrays.right[node])))
    }
}

/// The sets of a tree's categorical nodes.
struct CategorySets {
    categorical: Vec<bool>,
    /// The nodes that have sets, ascending.
    nodes: Vec<i64>,
    starts: Vec<i64>,
    sizes: Vec<i64>,
    categories: Vec<i64>,
}

impl CategorySets {
    fn read(value: &Value<'_>, n_nodes: usize) -> Result<CategorySets> {
        // Not there before 1.3.
        let Some(kinds) = value.get_optional("split_type", Value::integers)? else {
            let [nodes, starts, sizes, categories] = Default::default();
            return Ok(CategorySets { categorical: vec![false; n_nodes], nodes, starts, sizes, categories });
        };
        let sets = CategorySets {
            categorical: kinds.iter().map(|&kind| kind == 1).collect(),
            nodes: value.get("categories_nodes", Value::integers)?,
            starts: value.get("categories_segments", Value::integers)?,
            sizes: value.get("categories_sizes", Value::integers)?,
            categories: value.get("categories", Value::integers)?,
        };
        if sets.categorical.len() != n_nodes {
            let message =
                format!("split_type of {} nodes, and num_nodes is {n_nodes}", sets.categorical.len());
            return Err(Error::corrupt(message));
        }
        let n_sets = sets.nodes.len();
        let ascending = sets.nodes.windows(2).all(|pair| pair[0] < pair[1]);
        if [sets.starts.len(), sets.sizes.len()] != [n_sets; 2] || !ascending {
            let message = "categories_nodes, categories_segments and categories_sizes do not belong together";
            return Err(Error::corrupt(message));
        }
        // Segments that overlap could hold more than the file.
        let total = sets.sizes.iter().try_fold(0_i64, |total, &size| total.checked_add(size.max(0)));
        if total.is_none_or(|total| total > sets.categories.len() as i64) {
            return Err(Error::corrupt("sets of more categories than the tree has"));
        }
        Ok(sets)
    }

    /// The categories of a categorical node, ascending.
    fn of(&self, node: usize) -> Option<Result<Vec<u32>>> {
        self.categorical[node].then(|| {
            let at = self.nodes.binary_search(&(node as i64)).ok();
            let range = at.and_then(|at| {
                let start = usize::try_from(self.starts[at]).ok()?;
                let size = usize::try_from(self.sizes[at]).ok().filter(|&size| size > 0)?;
                self.categories.get(start..start.checked_add(size)?)
            });
            let found = range.ok_or_else(|| Error::corrupt("categorical, without categories"))?;
            if let Some(category) = found.iter().find(|category| !(0..CATEGORIES).contains(*category)) {
                return Err(Error::corrupt(format!("category {category}, expected 0 to {}", CATEGORIES - 1)));
            }
            let mut set: Vec<u32> = found.iter().map(|&category| category as u32).collect();
            set.sort_unstable();
            set.dedup();
            Ok(set)
        })
    }
}
