//! Shortest routes: a random graph, Dijkstra's algorithm on a generic binary heap, breadth-first
//! search and union-find, with every index checked as Rust does it.
#![no_std]

const MAX_NODES: usize = 64;
const DEGREE: usize = 6;

#[panic_handler]
fn trap(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 >> 22) ^ self.0;
        (mixed >> (22 + (self.0 >> 61))) as u32
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }
}

#[derive(Clone, Copy)]
struct Edge {
    to: u16,
    weight: u16,
}

struct Graph {
    nodes: usize,
    edges: [[Edge; DEGREE]; MAX_NODES],
}

impl Graph {
    fn random(nodes: usize, seed: u64) -> Graph {
        assert!(nodes > 0 && nodes <= MAX_NODES);
        let mut random = Random(seed);
        let mut graph = Graph { nodes, edges: [[Edge { to: 0, weight: 0 }; DEGREE]; MAX_NODES] };
        for edges in graph.edges.iter_mut().take(nodes) {
            for edge in edges.iter_mut() {
                edge.to = random.below(nodes) as u16;
                edge.weight = 1 + random.below(99) as u16;
            }
        }
        graph
    }

    fn leaving(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges[node].iter()
    }
}

#[derive(Debug)]
enum HeapError {
    Full,
}

struct Heap<T, const N: usize> {
    items: [T; N],
    length: usize,
}

impl<T: Copy + Ord, const N: usize> Heap<T, N> {
    fn new(filler: T) -> Self {
        Heap { items: [filler; N], length: 0 }
    }

    fn push(&mut self, item: T) -> Result<(), HeapError> {
        let mut at = self.length;
        *self.items.get_mut(at).ok_or(HeapError::Full)? = item;
        self.length += 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.items[parent] <= self.items[at] {
                break;
            }
            self.items.swap(parent, at);
            at = parent;
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        if self.length == 0 {
            return None;
        }
        self.length -= 1;
        self.items.swap(0, self.length);
        let heap = &mut self.items[..self.length];
        let mut at = 0;
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < heap.len() && heap[child] < heap[least] {
                    least = child;
                }
            }
            if least == at {
                break;
            }
            heap.swap(at, least);
            at = least;
        }
        Some(self.items[self.length])
    }
}

fn distances(graph: &Graph, from: usize) -> Result<[u32; MAX_NODES], HeapError> {
    let mut best = [u32::MAX; MAX_NODES];
    let mut heap: Heap<(u32, u16), { MAX_NODES * DEGREE }> = Heap::new((0, 0));
    best[from] = 0;
    heap.push((0, from as u16))?;
    while let Some((distance, node)) = heap.pop() {
        if distance > best[node as usize] {
            continue;
        }
        for edge in graph.leaving(node as usize) {
            let through = distance + u32::from(edge.weight);
            if through < best[edge.to as usize] {
                best[edge.to as usize] = through;
                heap.push((through, edge.to))?;
            }
        }
    }
    Ok(best)
}

fn root(parents: &mut [u8; MAX_NODES], mut node: usize) -> usize {
    while parents[node] as usize != node {
        parents[node] = parents[parents[node] as usize];
        node = parents[node] as usize;
    }
    node
}

#[no_mangle]
pub extern "C" fn distance(nodes: u32, seed: u64, from: u32, to: u32) -> i32 {
    let graph = Graph::random(nodes as usize, seed);
    match distances(&graph, from as usize).map(|best| best[to as usize]) {
        Ok(u32::MAX) => -1,
        Ok(distance) => distance as i32,
        Err(HeapError::Full) => -2,
    }
}

#[no_mangle]
pub extern "C" fn mean_distance(nodes: u32, seed: u64) -> f64 {
    let graph = Graph::random(nodes as usize, seed);
    let mut sum = 0.0;
    let mut pairs = 0;
    for from in 0..graph.nodes {
        if let Ok(best) = distances(&graph, from) {
            for &distance in best.iter().filter(|&&distance| distance != u32::MAX) {
                sum += f64::from(distance);
                pairs += 1;
            }
        }
    }
    sum / f64::from(pairs)
}

#[no_mangle]
pub extern "C" fn hops(nodes: u32, seed: u64, from: u32, to: u32) -> i32 {
    let graph = Graph::random(nodes as usize, seed);
    let mut levels = [-1i32; MAX_NODES];
    let mut queue = [0usize; MAX_NODES];
    let (mut head, mut tail) = (0, 1);
    queue[0] = from as usize;
    levels[from as usize] = 0;
    while head < tail {
        let node = queue[head];
        head += 1;
        for edge in graph.leaving(node) {
            let next = edge.to as usize;
            if levels[next] < 0 {
                levels[next] = levels[node] + 1;
                queue[tail] = next;
                tail += 1;
            }
        }
    }
    levels[to as usize]
}

/// The weight of a spanning forest over the edges lighter than a limit, and its trees, packed.
#[no_mangle]
pub extern "C" fn forest(nodes: u32, seed: u64, limit: u32) -> u64 {
    let graph = Graph::random(nodes as usize, seed);
    let mut parents = [0u8; MAX_NODES];
    for (node, parent) in parents.iter_mut().enumerate() {
        *parent = node as u8;
    }
    let (mut weight, mut trees) = (0u64, graph.nodes as u64);
    for lightness in 0..limit.min(100) {
        for from in 0..graph.nodes {
            for edge in graph.leaving(from).filter(|edge| u32::from(edge.weight) == lightness) {
                let (a, b) = (root(&mut parents, from), root(&mut parents, edge.to as usize));
                if a != b {
                    parents[a] = b as u8;
                    weight += u64::from(lightness);
                    trees -= 1;
                }
            }
        }
    }
    weight << 32 | trees
}
